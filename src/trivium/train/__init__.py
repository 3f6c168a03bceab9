"""The one training loop. Pre-training, SFT, the reward model and RL differ in their batches, not in their loop."""
