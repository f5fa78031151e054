def env(product):
    pass


def pipeline(product):
    pass


def lock(product):
    pass
