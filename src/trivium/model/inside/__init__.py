"""Looking inside a model: its values by name, captured or replaced while it computes, and read as tokens."""
