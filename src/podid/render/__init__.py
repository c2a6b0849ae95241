"""Results as documents and tables, and a writer for each format."""
