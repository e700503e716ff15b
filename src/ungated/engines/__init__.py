"""What algorithms are trained with: a torch loop, packed trees, worker processes, extras. Knows no algorithm."""
