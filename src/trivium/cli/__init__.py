"""The front door: one command a stage, nothing heavy loaded before a command needs it. Floor 4."""
