"""This machine: its files, and podid's own processes."""
