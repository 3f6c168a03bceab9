"""`trivium audit`: of any model, or as a stage of a run."""
