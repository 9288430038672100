"""Training: objective, step, loop, checkpoints."""
