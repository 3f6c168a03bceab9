"""GGUF, the file that llama.cpp runs: the container, the tensors' names, the shape and the vocabulary, in and out."""
