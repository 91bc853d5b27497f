"""What clients of stores raise, sorted: the reason in words with what to do, and may it pass."""

import errno
from http import HTTPStatus
from http.client import HTTPException

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

CLIENTS = ("aiobotocore", "aiohttp", "botocore")
"""Packages whose errors are a store's; named, since importing them all costs half a second."""

CREDENTIAL_CODES = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken"}
    | {"InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "NotSignedUp"}
)
PASSING_CODES = frozenset(
    {"SlowDown", "RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch"}
    | {"OperationAborted", "ConditionalRequestConflict", "Throttling", "ThrottlingException"}
    | {"RequestLimitExceeded", "BandwidthLimitExceeded", "TooManyRequests"}
)
_REPLACED = "it was replaced while it was read. Plan it anew into a new OUT"
_DISK_REASONS = {
    errno.ENOSPC: "no space left on the device. Free some space and run again",
    errno.EDQUOT: "the disk quota is used up. Free some space and run again",
    errno.EFBIG: "the file is larger than the disk or `ulimit -f` allows. Raise the limit",
    errno.EROFS: "the file system is read-only. Choose another place",
    errno.ELOOP: "it is a link that leads in a circle. Remove it",
    errno.ENAMETOOLONG: "the name is too long. Rename it, or choose another place",
}


def is_of_store(error: Exception) -> bool:
    """Whether a store's client raised this because of the store."""
    package = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError | HTTPException) or package in CLIENTS


def is_about_credentials(error: Exception) -> bool:
    """Whether a store says by this that it refuses the credentials, or there are none."""
    if isinstance(error, NoCredentialsError):
        return True
    answer = error if isinstance(error, ClientError) else error.__cause__
    if not isinstance(answer, ClientError):
        return False
    status = answer.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    # A HEAD has no body that could say why; expired credentials are a bad request there.
    return _code(answer) in CREDENTIAL_CODES or (
        status == HTTPStatus.BAD_REQUEST and _code(answer) == str(HTTPStatus.BAD_REQUEST.value)
    )


def tripped_over(error: Exception) -> Exception:
    """The store's error behind `error`, which s3fs raises while it looks at that one.

    It expects a number and a text: time that ran out has neither, a refusal by Ceph has no text.
    """
    behind = error.__context__
    is_tripped = isinstance(error, IndexError | TypeError) and isinstance(behind, OSError)
    return behind if is_tripped and isinstance(behind, Exception) else error


def explain(error: Exception, *, is_write: bool) -> tuple[str, bool]:
    """Say why a store failed.

    Args:
        error: One that `is_of_store`.
        is_write: Something was to be written, so that a missing folder is another matter.

    Returns:
        (the reason with what to do, whether another try can help).
    """
    answer = error if isinstance(error, ClientError) else error.__cause__
    if isinstance(answer, ClientError):
        refusal = _refusal(answer)
        if refusal is not None:
            return refusal
    if isinstance(error, BotoCoreError):
        may_pass = isinstance(error, HTTPClientError | NoConnectionError)
        return f"{error}. Check the endpoint and the credentials", may_pass
    if not isinstance(error, OSError):
        return f"the answer was cut short or garbled: {error or type(error).__name__}", True
    if error.errno in _DISK_REASONS:
        return _DISK_REASONS[error.errno], False
    if isinstance(error, PermissionError):
        return f"permission denied ({error}). Check the permissions or the credentials", False
    if isinstance(error, FileNotFoundError):
        where = "no folder can be made there. Choose another place"
        return where if is_write else "no such file or object", False
    if isinstance(error, NotADirectoryError | IsADirectoryError | FileExistsError):
        what = error.strerror or "the name is taken"
        return f"{what}. A file and a folder have the same name; choose another", False
    if type(error).__name__ == "FileExpired":  # s3fs's, which costs half a second to import
        return _REPLACED, False
    return str(error) or type(error).__name__, True


def _refusal(error: ClientError) -> tuple[str, bool] | None:
    """What an S3 server's own answer means; None leaves it to what the client made of it."""
    code = _code(error)
    message = error.response.get("Error", {}).get("Message") or code
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in CREDENTIAL_CODES:
        advice = "Renew the credentials (and check this machine's clock), then run again"
        return f"the store refuses the credentials: {code}: {message}. {advice}", False
    if code == "PreconditionFailed":  # of a read, that it be the version that was opened
        return _REPLACED, False
    is_overloaded = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT)
    if code in PASSING_CODES or is_overloaded or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"the store answered {status} {code}: {message}", True
    if code == "NoSuchBucket":
        return f"there is no such bucket: {message}. Create it, or correct the uri", False
    if status == HTTPStatus.BAD_REQUEST:  # a HEAD has no body that could say more
        advice = "Check the credentials (expired ones look like this), region and endpoint"
        return f"the store answered {status} {code}: {message}. {advice}", False
    return None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
