"""What algorithms are trained with: the torch loop, packed trees, worker processes, optional extras. Knows no algorithm."""
