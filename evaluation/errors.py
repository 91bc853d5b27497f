"""The error that ends an evaluation on purpose."""

from pipeline.errors import H3RError


class EvaluationError(H3RError):
    """Two datasets that cannot be compared: what is wrong with which, and what to do."""
