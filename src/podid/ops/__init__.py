"""The use cases, by noun: plan, apply, wait, look, diagnose."""
