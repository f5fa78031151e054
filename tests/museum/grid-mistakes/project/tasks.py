def fit(product, n, depth):
    product.write_text("1")
