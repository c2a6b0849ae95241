"""Names, trust, plans, findings, errors: values and rules, no input or output."""
