"""One file a command: its options and what it does, step by step."""
