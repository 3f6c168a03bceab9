"""What a model knows: probes, how they are asked (engine or URL), the known map, and measures with intervals.

`probe`, `reading`, `asking`, `remote`, `mapping` and `measures` need no torch; `speaking` runs the model.
"""
