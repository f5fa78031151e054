"""Tables as products: databases, the connections to them, and what became of a table."""
