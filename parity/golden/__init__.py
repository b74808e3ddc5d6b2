"""What the reference of a probe computed, kept in the repository: tells an environment that moves from a trainer."""
