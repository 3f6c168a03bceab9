"""Batches of comparisons, a pair never parted, for reward models and for DPO."""
