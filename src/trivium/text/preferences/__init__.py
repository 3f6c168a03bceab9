"""Comparisons of two answers: reading files of them, and their token ids."""
