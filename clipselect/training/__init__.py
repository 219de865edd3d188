"""The training loop, features, D-scores, distillation, and cards."""
