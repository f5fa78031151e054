def fit(product):
    product.write_text("")
