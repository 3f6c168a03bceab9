"""Words on their way to a model: documents, the tokenizer object, the chat format with its loss mask, token shards.

Floor 2, lowest house. No torch here; pyarrow and tiktoken are imported inside functions.
"""
