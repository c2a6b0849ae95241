"""The operations of the commands, by noun: plan, apply, wait, read, diagnose."""
