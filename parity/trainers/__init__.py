"""Providers, which run the stages: one folder per library, found by name."""
