"""The scales: each comparison is a command, and writes its figures where docs/benchmarks.md shows them."""
