"""report: one page with all that was measured."""
