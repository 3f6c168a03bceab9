"""Open weights: in as a sealed model, out as a file that other programs run."""
