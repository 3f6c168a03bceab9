"""The corpus funnel on a page of its own: its picture, documents to read of every reason, pages beside their texts."""
