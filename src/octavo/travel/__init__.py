"""An environment that travels: a lock of what tasks really import, and the images that are made of it."""
