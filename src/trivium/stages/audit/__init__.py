"""What a model knows, what it only says, and the conversations that teach it the difference."""
