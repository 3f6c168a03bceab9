"""Reinforcement learning with verifiable rewards: a warm start on worked traces, then practice with a verifier."""
