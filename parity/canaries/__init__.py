"""Known faults, each a small change to a real provider: they prove that the harness can fail."""
