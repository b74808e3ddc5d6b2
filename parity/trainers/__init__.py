"""What runs a stage: providers, a folder a library, found by name."""
