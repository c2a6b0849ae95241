"""Live identities in the forms of other tools: a pure function for each form."""
