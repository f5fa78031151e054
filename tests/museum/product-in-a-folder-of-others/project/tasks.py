def a(product):
    pass


def b(product):
    pass


def c(product):
    pass
