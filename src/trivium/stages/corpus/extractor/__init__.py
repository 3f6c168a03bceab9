"""The main content of a page: parsed once into arrays, weighed box by box, written as Markdown-like text."""
