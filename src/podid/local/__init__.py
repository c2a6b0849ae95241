"""This machine: its files, and processes of podid's own."""
