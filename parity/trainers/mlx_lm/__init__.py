"""mlx-lm (0.30 to 0.32), in two providers: its own `train()`, and the loop over its public pieces."""
