"""Failure modes that podid creates in a running sandbox and removes: `podid sandbox break` and `podid sandbox heal`."""
