"""Problems that come from outside: benchmark files, another package's generators, the user's own task."""
