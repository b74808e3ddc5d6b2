"""What runs inside an arm: MLX, the trainers, numpy and the standard library, no more."""
