"""The commands about preferences: `trivium reward`, `dpo`, `compare`, and `rl` with a reward model."""
