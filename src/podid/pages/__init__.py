"""A page for every failure mode, and how an error text finds it."""
