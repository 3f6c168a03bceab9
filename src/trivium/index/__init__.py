"""Search over local documents: BM25 by tantivy, in a folder of its own, with the documents beside it."""
