"""Probes and tasks on a model: scoring, intervals, bits per byte, and the n-gram model that a base model must beat.

Floor 2. `intervals` and `kneser_ney` need numpy only; rooms that run a model load torch.
"""
