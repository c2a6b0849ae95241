"""Failure modes put in place in a running sandbox, and taken away again: `podid sandbox break` and `heal`."""
