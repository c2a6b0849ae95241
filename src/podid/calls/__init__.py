"""Calls of any service: their rate, deadlines and retries."""
