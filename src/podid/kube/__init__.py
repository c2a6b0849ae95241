"""The Kubernetes API in podid's own values: connections, reads and writes."""
