"""The one engine: batched sampling with a KV cache, for chat, audits, quirks and RL alike."""
