"""From `diverged` to the smallest sets of stages and settings whose removal restores parity."""
