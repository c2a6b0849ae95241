"""The Kubernetes API in podid's own values: ways in, reading, writing."""
