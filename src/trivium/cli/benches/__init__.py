"""The front doors of `trivium bench`."""
