from other import get
