"""Commands of single stages that take more than a run folder: models and files of one's own."""
