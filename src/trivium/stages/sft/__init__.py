"""Supervised fine-tuning: a base model and conversations in, an assistant out. Same loss, other data."""
