"""Public ground truths as they lie on disk, read into one form (`evaluation.loaders.sequence`)."""
