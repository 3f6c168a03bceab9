"""What thinking is worth, what it costs, and whether an answer follows from it."""
