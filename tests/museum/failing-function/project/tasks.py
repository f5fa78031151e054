def half(x):
    return x / 0


def clean(product):
    print('cleaning')
    values = [half(x) for x in (1, 2)]
    product.write_text(str(values))
