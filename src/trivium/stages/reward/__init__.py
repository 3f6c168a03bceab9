"""The reward model: which of two answers would a person prefer? Comparisons in, a model that scores answers out."""
