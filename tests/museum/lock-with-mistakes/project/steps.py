def count(product):
    product.write_text(str(len(open("raw.txt").read())))
