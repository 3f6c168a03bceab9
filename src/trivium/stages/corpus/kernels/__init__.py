"""What runs once per character: compiled by numba at first use, and kept beside the code for the next process."""
