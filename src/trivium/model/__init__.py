"""What a language model is: transformer, cache, loss, optimizers, devices, and the Hugging Face folder in and out."""
