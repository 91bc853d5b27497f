"""List SRC: the video files of a folder, a bucket, one file, or a list of files.

Answers names, sizes and versions only; nothing is opened as a video here.
"""

import csv
import fnmatch
import functools
import io
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import SourceError, StorageError
from pipeline.layout import PLAN_CLIPS, RUN_FILE
from pipeline.local_disk import leads_outside
from pipeline.storage import Store, StoredFile
from pipeline.uris import join_uri, normalise_uri, split_uri

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg"}
    | {".wmv", ".flv", ".3gp", ".ogv"}
)
LIST_SUFFIXES = frozenset({".txt", ".csv", ".parquet"})
LIST_COLUMNS = ("uri", "path", "video", "file", "url")
AMBIGUOUS = ("//", "?versionId=")  # an empty part, or a scheme; what S3 clients cut off
INFO_THREADS = 32  # requests at once, one for each file that a list names
ENTRIES_AT_ONCE = 64  # of a list, a thread


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of SRC.

    Attributes:
        name: Relative to SRC (or as the list names it); part of the video's identity.
        size_bytes: Its size, or None when a list names a file that is not there.
        version: The store's etag or modification time; "" when it is not there.
        refusal: Why it will not be opened; "" where it may be.
    """

    name: str
    size_bytes: int | None
    version: str
    refusal: str = ""


@dataclass(frozen=True)
class Source:
    """SRC as listed.

    Attributes:
        root: Uri that the files' names are relative to.
        files: Sorted by name, or in the list's order; without repeats.
    """

    root: str
    files: tuple[SourceFile, ...]


def list_source(
    src: str,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    limit: int | None = None,
    *,
    leave_out: str | None = None,
    follow_links: bool = False,
    names_only: bool = False,
) -> Source:
    """Find the videos of `src`; datasets of ours below a folder are no part of it.

    Args:
        src: A folder, a video file, a .txt/.csv/.parquet list of files, or an fsspec uri of one.
        include: Glob patterns on names; when given, they replace the test of the file suffix.
        exclude: Glob patterns on names that are left out.
        limit: At most this many files, the first in order.
        leave_out: Uri of a folder whose files are never taken: OUT, which may lie in SRC.
        follow_links: Files that a link in a folder leads to may lie outside of it; else they are
            refused, one by one.
        names_only: Do not ask the store for the files that a list names: no sizes, no versions.

    Raises:
        SourceError: Nothing is there, it is no list, no video is left, or a name is not
            valid UTF-8.
    """
    root, files = _candidates(normalise_uri(src), src, not include, follow_links, names_only)
    kept = [
        file
        for file in files
        if (not include or _matches(file.name, include))
        and not (exclude and _matches(file.name, exclude))
        and not (leave_out and join_uri(root, file.name).startswith(f"{leave_out}/"))
    ]
    if not kept:
        filters = " that --include and --exclude leave" if include or exclude else ""
        filters += " outside of OUT" if leave_out and len(files) else ""
        raise SourceError(
            f"{src}: no video found{filters}. Files are taken by suffix "
            f"({' '.join(sorted(VIDEO_SUFFIXES))}); name others with --include"
        )
    _check_names(kept, src)
    return Source(root, tuple(kept[:limit]))


def _candidates(
    uri: str, src: str, by_suffix: bool, follow_links: bool, names_only: bool
) -> tuple[str, list[SourceFile]]:
    try:
        folder = Store(uri)
        if folder.is_folder():
            listed = folder.list()
            datasets = _datasets({file.path for file in listed})
            found = [
                file
                for file in listed
                if not _is_hidden(file.path) and not file.path.startswith(datasets)
            ]
            if by_suffix:
                found = [file for file in found if _suffix(file.path) in VIDEO_SUFFIXES]
            files = [_source_file(file) for file in found]
            if not folder.is_local:
                files = [_refuse_ambiguous(file) for file in files]
            elif not follow_links:
                files = [_refuse_outside(uri, file) for file in files]
            return uri, files
        root, name = split_uri(uri)
        stored = Store(root).info(name)
    except StorageError as error:
        raise SourceError(f"{src}: cannot be listed: {error}") from error
    if stored is None:
        raise SourceError(f"{src}: no such file or folder. Check the path or uri of SRC")
    if _suffix(name) in LIST_SUFFIXES:
        return root, _read_list(root, name, src, names_only)
    return root, [_source_file(stored)]


def _datasets(paths: Collection[str]) -> tuple[str, ...]:
    """Folders below SRC that are an OUT, whose depth are files of video too; with a slash each."""
    folders = [path.removesuffix(RUN_FILE) for path in paths if path.endswith(f"/{RUN_FILE}")]
    return tuple(folder for folder in folders if f"{folder}{PLAN_CLIPS}" in paths)


def _read_list(root: str, name: str, src: str, names_only: bool) -> list[SourceFile]:
    """The files that a list names, relative ones from the list's own folder."""
    try:
        entries = _parse_list(Store(root).read(name), _suffix(name))
    except (StorageError, ValueError, csv.Error) as error:
        raise SourceError(f"{src}: not a list of videos: {error}") from error
    except KeyError as error:
        raise SourceError(
            f"{src}: no column of videos; name it one of {', '.join(LIST_COLUMNS)}"
        ) from error
    if not entries:
        raise SourceError(f"{src}: the list names no file")
    names = _distinct(root, entries)
    if names_only:
        return [SourceFile(name, None, "") for name in names]
    starts = range(0, len(names), ENTRIES_AT_ONCE)
    with ThreadPoolExecutor(INFO_THREADS) as pool:
        parts = pool.map(
            lambda start: _listed_files(root, names[start : start + ENTRIES_AT_ONCE]), starts
        )
        return [file for part in parts for file in part]


def _distinct(root: str, entries: Sequence[str]) -> list[str]:
    """Each file once, as it is spelled first: twice annotated, its people would count twice."""
    name_of: dict[str, str] = {}
    for entry in entries:
        name_of.setdefault(normalise_uri(join_uri(root, entry)), entry)
    return list(name_of.values())


def _listed_files(root: str, names: Sequence[str]) -> list[SourceFile]:
    """What the store says of files, asked one after another."""
    open_folder = functools.cache(Store)  # neighbours in a list are neighbours in a store
    files = []
    for name in names:
        folder, base = split_uri(join_uri(root, name))
        stored = open_folder(folder).info(base)
        size_bytes, version = (stored.size_bytes, stored.version) if stored else (None, "")
        files.append(SourceFile(name, size_bytes, version))
    return files


def _parse_list(data: bytes, suffix: str) -> list[str]:
    if suffix == ".parquet":
        table = pq.read_table(pa.BufferReader(data))
        values = table[_list_column(table.column_names)].to_pylist()
        return _no_blanks(["" if value is None else str(value) for value in values])
    text = data.decode("utf-8-sig")
    if "\0" in text:
        raise ValueError("it is no text in UTF-8")
    if suffix == ".csv":
        rows = csv.DictReader(io.StringIO(text, newline=""))
        column = _list_column(rows.fieldnames or [])
        return _no_blanks([row[column] or "" for row in rows])
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _no_blanks(cells: list[str]) -> list[str]:
    """The cells of a list's column; one without a name would be a video that silently vanishes."""
    blank = next((row for row, cell in enumerate(cells, 1) if not cell.strip()), None)
    if blank is not None:
        raise ValueError(f"row {blank} names no file. Fill it in, or leave the row out")
    return cells


def _list_column(columns: Sequence[str]) -> str:
    for column in LIST_COLUMNS:
        if column in columns:
            return column
    raise KeyError(columns)


def _check_names(files: Sequence[SourceFile], src: str) -> None:
    """Refuse names that tables cannot hold."""
    for file in files:
        try:
            file.name.encode()
        except UnicodeEncodeError as error:
            raise SourceError(
                f"{src}: the name {file.name!r} is not valid UTF-8. Rename the file, or leave it "
                "out with --exclude"
            ) from error


def _source_file(file: StoredFile) -> SourceFile:
    return SourceFile(file.path, file.size_bytes, file.version)


def _refuse_ambiguous(file: SourceFile) -> SourceFile:
    """Keys of a bucket may be anything; some, as part of a uri, are another object's."""
    if file.name.startswith("/") or any(mark in file.name for mark in AMBIGUOUS):
        reason = f"it has {' or '.join(AMBIGUOUS)} in it"
        return replace(
            file, refusal=f"its name would be read as another object's: {reason}. Rename it"
        )
    return file


def _refuse_outside(root: str, file: SourceFile) -> SourceFile:
    if not leads_outside(root, join_uri(root, file.name)):
        return file
    return replace(file, refusal="it is a link that leads out of SRC. Allow it with --follow-links")


def _matches(name: str, patterns: Sequence[str]) -> bool:
    base = PurePosixPath(name).name
    return any(
        fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(base, pattern)
        for pattern in patterns
    )


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
