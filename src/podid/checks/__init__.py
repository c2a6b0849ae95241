"""The doctor's checks: pure functions from a snapshot to verdicts."""
