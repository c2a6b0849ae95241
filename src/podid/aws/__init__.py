"""AWS's APIs in podid's own values: paged, sorted, paced, with every error explained."""
