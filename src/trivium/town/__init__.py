"""A seeded small world with exact ground truth: people, facts, pages, questions, lessons, conversations.

Everything that comes from here is synthetic and says so. Floor 2, standard library only: no torch, no numpy.
"""
