"""The scales for preferences: best of n, and what happens to the truth when a proxy is optimised."""
