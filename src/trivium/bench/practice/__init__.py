"""RL's speed: rollouts a second of the loop's own sampler."""
