"""Uris as text: local paths and fsspec uris, told apart, joined and split. Touches no storage."""

from pathlib import Path


def is_remote(uri: str) -> bool:
    """Whether a normalised uri is another's than this machine's disk."""
    return "://" in uri


def normalise_uri(uri: str) -> str:
    """An absolute form of `uri`: local paths are made absolute, remote ones lose a last slash."""
    scheme, separator, rest = uri.partition("://")
    if separator and scheme != "file":
        return f"{scheme}://{rest.rstrip('/')}"
    if uri.startswith("/") and not _may_be_shorter(uri):
        return uri  # a list names 10^6 of them
    return str(Path(rest if separator else uri).expanduser().absolute())


def join_uri(root: str, name: str) -> str:
    """`name` below `root`; a name that is absolute or has a scheme stays as it is."""
    if "://" in name or name.startswith("/"):
        return name
    return f"{root}{name}" if root.endswith("/") else f"{root}/{name}"


def split_uri(uri: str) -> tuple[str, str]:
    """(uri of the folder, last part)."""
    scheme, separator, rest = normalise_uri(uri).rpartition("://")
    folder, _, name = rest.rpartition("/")
    return (f"{scheme}://{folder}" if separator else folder or "/"), name


def _may_be_shorter(path: str) -> bool:
    """Whether a path has empty parts or dots in it, which say nothing."""
    return "//" in path or "/./" in path or path.endswith(("/", "/."))
