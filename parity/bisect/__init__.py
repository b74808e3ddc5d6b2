"""From two releases, one good and one bad, to the two neighbours between which a verdict changes."""
