"""Replays two arms: what differs in one step, element by element, and in every step from the same state."""
