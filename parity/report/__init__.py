"""One renderer a file; each takes a result and returns text."""
