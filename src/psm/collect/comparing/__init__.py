"""What is decided by looking at all rows: which are chosen, and which are the same."""
