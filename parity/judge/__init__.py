"""From recordings to verdicts. Runs anywhere, and never imports MLX."""
