"""What is secret: told by names and URLs, shown as •••, compared by keyed digests."""
