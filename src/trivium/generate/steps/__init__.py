"""One step on the device: weights, slots, the forward pass, the draw, and how a CPU and a GPU carry it out."""
