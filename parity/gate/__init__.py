"""A whole run: its result, its exit status and its sentence."""
