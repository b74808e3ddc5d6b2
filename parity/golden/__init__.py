"""Goldens: what references computed, kept in the repository, to tell a moved environment from a moved trainer."""
