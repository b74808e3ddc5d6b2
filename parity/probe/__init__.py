"""What to run: one experiment a TOML file."""
