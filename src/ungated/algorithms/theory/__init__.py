"""Theory: ideas to 1990."""
