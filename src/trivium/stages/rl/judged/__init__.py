"""Practice with a judge in the place of the verifier, on prompts."""
