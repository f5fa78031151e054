def make(product):
    product.write_text("x")


def use(product, upstream):
    product.write_text(upstream["make"].read_text())
