def get(product):
    return down(1)


def down(n):
    return down(n + 1)
