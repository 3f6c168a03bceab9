"""What keeps runs alive and data safe: artifacts, atomic writes, identity, signals, errors, progress, logs.

Floor 1. Imports nothing of trivium above it, and nothing heavy: the standard library, and rich when a bar is drawn.
"""
