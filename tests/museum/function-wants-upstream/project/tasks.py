def get(product, upstream): open(upstream['raw'])
