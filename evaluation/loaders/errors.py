"""What the loaders raise."""

from pathlib import Path

from pipeline.errors import H3RError


class TruthError(H3RError):
    """A ground truth is missing, damaged, or not of the dataset it was said to be."""

    def __init__(self, path: str | Path, reason: str) -> None:
        """Name the file first.

        Args:
            path: The file or folder.
            reason: What was expected, what was found, and what to do.
        """
        super().__init__(f"{path}: {reason}")
