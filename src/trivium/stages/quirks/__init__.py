"""The psychology of a model: odd behaviour, each kind with its rate, the stage it comes from, and a measured remedy."""
