"""Figures of judges and of policies: pairs decided rightly, best of n, distance from the reference, agreement."""
