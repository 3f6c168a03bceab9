"""Our pre-training beside nanochat's, on one text and one machine."""
