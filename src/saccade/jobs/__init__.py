"""Work that is accepted now and done later: every accepted item ends exactly once, whatever dies when."""
