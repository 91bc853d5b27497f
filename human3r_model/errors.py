"""What this package raises.

`Human3RError` is the base of all of them: `InputError` (what a caller handed in does not fit the
network), `CheckpointError` (weights), `BodyModelError` (the body model file) and `CompilerError`
(torch.compile). Each knows whether trying again can help.
"""


class Human3RError(Exception):
    """Base of every error of this package; `is_transient` says whether a retry can help."""

    is_transient: bool = False


class InputError(Human3RError, ValueError):
    """What the caller handed in does not fit the network; the message names the value."""


class CheckpointError(Human3RError):
    """Weights cannot be read or do not fit the architecture."""

    def __init__(self, uri: str, reason: str) -> None:
        """Keep the file and the reason apart for whoever reports them.

        Args:
            uri: File or uri of the weights.
            reason: What is wrong and what to do.
        """
        super().__init__(f"{uri}: {reason}")
        self.uri = uri
        self.reason = reason


class CompilerError(Human3RError):
    """torch.compile does not work on this machine."""


class BodyModelError(Human3RError):
    """The body model file cannot be read or is of the wrong kind."""

    def __init__(self, path: str, reason: str) -> None:
        """Keep the file and the reason apart for whoever reports them.

        Args:
            path: The body model file.
            reason: What is wrong and what to do.
        """
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
