"""The only house with knives: foreign Python code runs in a child process that the kernel holds.

Floor 2, standard library only (and Monty, for short snippets). Callers ask `tier.tier()` whether this machine can hold
code at all, and `box.Sandbox` runs it.
"""
