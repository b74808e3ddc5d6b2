"""From `diverged` to its cause: the smallest sets of stages that restore parity when swapped."""
