"""Goldens: what references computed, kept in the repository, to tell a moved environment from a moved trainer."""

from pathlib import Path

GOLDENS = Path("fixtures/golden")
"""Where goldens are kept unless somebody says otherwise."""
