"""Runs as folders and files: made, read back without trust, merged."""
