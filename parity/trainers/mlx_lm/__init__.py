"""Two providers for mlx-lm (0.30 to 0.32): its own `train()`, and a loop over its public pieces."""
