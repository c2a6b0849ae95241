"""Calls of any service: how fast they are made, how long they may take, when they are tried again or given up."""
