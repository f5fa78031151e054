def get(product):
    raise ValueError('line\n' * 200_000)
