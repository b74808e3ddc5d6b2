"""What runs in the environment that a probe pins: MLX, the trainers, numpy and the standard library only."""
