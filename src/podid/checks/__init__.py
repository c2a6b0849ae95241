"""What the doctor looks for: pure functions from a snapshot to verdicts."""
