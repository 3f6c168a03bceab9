"""OpenAI's API: what is asked, what it means for the engine, and what is answered, whole or streamed."""
