"""What to run: one experiment per TOML file."""
