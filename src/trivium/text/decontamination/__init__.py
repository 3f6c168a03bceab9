"""Documents that hold what a model will be tested on are found by shared runs of words, and go."""
