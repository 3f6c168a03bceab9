"""Problems with checkable answers: seeded generators, worked traces, strict verifiers, answer matching.

Floor 2, standard library only. The two splits of a task never share a problem; a verdict looks at the final
answer alone.
"""
