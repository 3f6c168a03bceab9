"""Tokenizers on the scales: training and bulk encoding beside peers, and what the digits of a token cost a model."""
