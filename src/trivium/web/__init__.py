"""The window: an HTTP server for a run's models, in the words of OpenAI's API, with a limit on everything."""
