"""Scoring in shards: a shard is a source, its parts are so many records each. A part is a pure function of the shard's
bytes and of where it begins, so any process may make it, at any time, more than once.
"""
