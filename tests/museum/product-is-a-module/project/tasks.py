def make(product):
    pass
