"""Our engine beside transformers' generate and nanochat's engine: same random weights or shape, same prompts."""
