"""The generators: each draws one problem of a level from a stream of random numbers, with answer and worked trace."""
