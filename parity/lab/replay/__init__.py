"""One step of two arms again, whole: what differs, element by element; and every step from the same state."""
