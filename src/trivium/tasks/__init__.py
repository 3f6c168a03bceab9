"""Problems with checkable answers: seeded generators, worked traces, strict verifiers, answer matching.

Floor 2, standard library only (readers of compressed files and two extras are loaded where they are used). The two
splits of a task never share a problem; a verdict looks at the final answer alone.
"""
