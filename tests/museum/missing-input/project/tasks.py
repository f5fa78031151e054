def make(product):
    product.write_text("")
