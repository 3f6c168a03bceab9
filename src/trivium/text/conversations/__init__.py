"""Conversations that people have in files: read, checked, brought to one form, each refused one with its reason."""
