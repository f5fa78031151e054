def get(product)
    return 1
