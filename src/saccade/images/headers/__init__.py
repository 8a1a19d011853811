"""What a file says about itself, read from its first bytes and chunks before any decoder sees it."""
