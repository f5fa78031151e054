def make(product, n):
    product.write_text("x" * n)
