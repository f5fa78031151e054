def env(product):
    pass


def pipeline(product):
    pass
