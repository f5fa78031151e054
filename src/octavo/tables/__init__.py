"""Tables as products: databases, connections to them, and proxy files that stand for tables."""
