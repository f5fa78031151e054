def make(product, n, m, resources_):
    product.write_text(str(n))
