"""A block's small steps as Triton kernels, each reading and writing memory once. Import the rooms only where Triton is.

What is no matrix product takes a third of a training step on a fast GPU, all of it waiting for memory. Each room holds
one step forward and backward as an autograd function; `block` strings them together into the same mathematics as
`trivium.model.transformer`, which stays the plain statement of it and runs everywhere. `update` does the same for the
optimizer, whose plain statement is `trivium.model.optim`.
"""
