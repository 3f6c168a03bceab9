"""Pre-training: token shards in, a base model (a document simulator) out."""
