"""What computer this is, measured in a tenth of a second, and what fits on it."""
