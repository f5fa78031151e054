def first(product):
    raise ValueError('no data today')


def then(product, upstream): ...
