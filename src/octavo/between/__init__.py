"""What tasks use of each other without naming it, and in which order that puts them."""
