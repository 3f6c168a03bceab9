"""Public benchmarks on a model: items from their published files, prompts and scores as lm-eval has them.

`item`, `forms`, `mixed`, `reading` and `shots` need no torch; `scoring` runs the model; `results`, `compare` and
`session` make figures of it.
"""
