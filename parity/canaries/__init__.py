"""Known faults, each a small change to a real provider: the proof that the harness can fail."""
