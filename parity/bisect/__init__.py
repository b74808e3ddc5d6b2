"""Searches the releases of a package for the two neighbours between which a verdict changes from good to bad."""
