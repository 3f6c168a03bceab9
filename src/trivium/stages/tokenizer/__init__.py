"""Tokens, not letters: a byte-level BPE tokenizer from the documents, and the documents as token shards."""
