"""The stages as a graph: what depends on what, what is up to date, and running the rest in order.

Floor 4. A stage is named by text (`trivium.stages.sft.run:run`) and imported when it must run, so that a journey
which is up to date loads nothing heavy.
"""
