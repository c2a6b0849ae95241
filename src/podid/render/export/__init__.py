"""Live identities in the forms of other tools: one file a form, each a pure function."""
