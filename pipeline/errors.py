"""Every error the pipeline raises on purpose.

* H3RError
    * ConfigError     a setting that no job can be run with
    * SourceError     SRC is missing, empty or not a list we can read
    * PlanError       the plan on OUT is damaged, or cannot be made
    * RefusedError    OUT holds labels of another model, configuration or schema
    * StorageError    a store could not be read or written (full disk, no permission)
        * CredentialsError  a store refuses who we are: it would refuse all else, too
    * ProbeError      a file is not a video we can read
    * DecodeError     a video's frames could not be decoded
    * AnnotateError   the network's answer for a clip cannot be used
    * DepthError      a depth object is damaged or cannot be made
    * JobError        shards could not be committed; running the job again goes on
        * TooManyFailuresError  so many clips failed that the job was stopped

`is_transient` says whether trying the same thing again can help.
"""


class H3RError(Exception):
    """Base of all: the message names the thing, what was wrong and what to do."""

    is_transient = False


class ConfigError(H3RError, ValueError):
    """A setting that no job can be run with."""


class SourceError(H3RError):
    """SRC is missing, empty or not a list of videos."""


class PlanError(H3RError):
    """The plan on OUT is damaged or cannot be made."""


class RefusedError(H3RError):
    """OUT holds labels that must not be mixed with this run's."""


class StorageError(H3RError):
    """A store could not be read or written."""

    def __init__(self, message: str, *, is_transient: bool = False) -> None:
        """Keep whether another try can help."""
        super().__init__(message)
        self.is_transient = is_transient


class CredentialsError(StorageError):
    """A store refuses the credentials: they are wrong, expired, or not there."""


class ProbeError(H3RError):
    """A file is not a video that can be read."""


class DecodeError(H3RError):
    """Frames of a video could not be decoded."""


class AnnotateError(H3RError):
    """The network's answer for a clip cannot be used."""


class DepthError(H3RError):
    """A depth object is damaged or cannot be made."""


class JobError(H3RError):
    """Shards could not be committed; what is committed stays, and the job can be run again."""

    is_transient = True


class TooManyFailuresError(JobError):
    """So many clips failed that the job was stopped."""
