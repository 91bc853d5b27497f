"""Look at every file of SRC ahead of the plan: what each holds, or why that cannot be told.

A plan never changes, so what may pass must not get into it. Files that could not be read for now
are tried once more after all others; if some still cannot be read, there is no plan. What was
found is kept meanwhile, so that the next run asks for the rest alone.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import CredentialsError, H3RError, PlanError, ProbeError
from pipeline.probe import VideoInfo, probe_video
from pipeline.report import printable
from pipeline.retries import Retries
from pipeline.source import Source, SourceFile
from pipeline.storage import open_media
from pipeline.uris import join_uri
from schemas.ids import video_id

PROBE_THREADS = 8
CHUNK_FILES = 1000  # what is found of so many is kept at once
MAX_IN_A_ROW = 20
"""Files that fail for now, one after another, until the store is taken to be out of order."""
NUM_NAMED = 5
MISSING_VERSION = "missing"


@dataclass(frozen=True, eq=False)
class Probed:
    """What is known of one file.

    Attributes:
        columns: Of its row in `videos`: all but `video_index`, which is the plan's.
        frame_pts: [F] presentation times of its frames; [0] when it cannot be read.
    """

    columns: dict[str, Any]
    frame_pts: NDArray[np.int64]

    @property
    def video_id(self) -> str:
        """Its identity."""
        return str(self.columns["video_id"])


def probe_files(
    source: Source,
    known: dict[str, Probed],
    keep: Callable[[Sequence[Probed]], None],
    on_progress: Callable[[int, int], None],
) -> list[Probed]:
    """Find out what every file of SRC holds.

    Args:
        source: SRC as listed.
        known: What is known already, by video id.
        keep: Called with videos that were found, now and then and when an error ends it.
        on_progress: Called with (files known, files) after each.

    Returns:
        One for each file, in order.

    Raises:
        PlanError: Files cannot be read for now (transient).
        CredentialsError: The store refuses the credentials.
    """
    ids = [_columns_of_file(file)["video_id"] for file in source.files]
    found = {identity: known[identity] for identity in ids if identity in known}
    waiting = [
        file for file, identity in zip(source.files, ids, strict=True) if identity not in found
    ]
    unkept: list[Probed] = []

    def take(new: Probed) -> None:
        found[new.video_id] = new
        on_progress(len(found), len(ids))
        if new.columns["status"] == "ok":  # the cause of a failure may be mended
            unkept.append(new)
        if len(unkept) == CHUNK_FILES:
            keep(unkept)
            unkept.clear()

    try:
        failed = _probe_all(source.root, waiting, take)
        if len(failed) < MAX_IN_A_ROW:
            failed = _probe_all(source.root, list(failed), take)
    finally:
        keep(unkept)
    if failed:
        raise _refusal(failed, len(ids))
    return [found[identity] for identity in ids]


def _probe_all(
    root: str, files: Sequence[SourceFile], take: Callable[[Probed], None]
) -> dict[SourceFile, ProbeError]:
    """Probe files in threads, in order; those that failed for now, until too many in a row do."""
    failed: dict[SourceFile, ProbeError] = {}
    num_in_a_row = 0
    pool = ThreadPoolExecutor(PROBE_THREADS)
    try:
        for file, answer in _answers(pool, root, files):
            if isinstance(answer, VideoInfo) or not answer.is_transient:
                num_in_a_row = 0
                take(_probed(file, answer))
                continue
            failed[file] = answer
            num_in_a_row += 1
            if num_in_a_row == MAX_IN_A_ROW:
                break
    finally:
        pool.shutdown(cancel_futures=True)
    return failed


def _answers(
    pool: Executor, root: str, files: Sequence[SourceFile]
) -> Iterator[tuple[SourceFile, VideoInfo | ProbeError]]:
    """Every file and what it holds; not all are given to the threads at once."""
    for start in range(0, len(files), CHUNK_FILES):
        chunk = files[start : start + CHUNK_FILES]
        yield from zip(chunk, pool.map(_probe, itertools.repeat(root), chunk), strict=True)


def _probe(root: str, file: SourceFile) -> VideoInfo | ProbeError:
    """What the file holds, or why that cannot be told."""
    if file.refusal:
        return ProbeError(f"{file.name}: {file.refusal}")
    if file.size_bytes is None:
        return ProbeError(f"{file.name}: no such file. Correct the list that names it")
    try:
        with open_media(join_uri(root, file.name), Retries()) as (media, _):
            return probe_video(media, file.name)
    except ProbeError as error:
        return error
    except CredentialsError:
        raise
    except H3RError as error:
        failure = ProbeError(f"{file.name}: {error}")
        failure.is_transient = error.is_transient
        return failure


def _refusal(failed: dict[SourceFile, ProbeError], num_files: int) -> PlanError:
    shown = "".join(f"\n  {printable(str(error))}" for error in list(failed.values())[:NUM_NAMED])
    more = f"\n  and {len(failed) - NUM_NAMED} more" if len(failed) > NUM_NAMED else ""
    error = PlanError(
        f"nothing is planned, since a plan never changes and {len(failed)} of {num_files} videos "
        f"could not be read for now:{shown}{more}\nWhat was found of the others is kept: "
        "run the same command again, or leave those out with --exclude"
    )
    error.is_transient = True
    return error


def _probed(file: SourceFile, answer: VideoInfo | ProbeError) -> Probed:
    columns = _columns_of_file(file)
    if isinstance(answer, VideoInfo):
        return Probed(columns | _columns_of_video(answer), answer.frame_pts)
    columns |= {
        "status": "failed",
        "error_class": type(answer).__name__,
        "error_message": str(answer),
    }
    return Probed(columns, np.zeros(0, np.int64))


def _columns_of_file(file: SourceFile) -> dict[str, Any]:
    size_bytes, etag = file.size_bytes or 0, file.version or MISSING_VERSION
    return {
        "video_id": video_id(file.name, size_bytes, etag),
        "uri": file.name,
        "etag": etag,
        "size_bytes": size_bytes,
    }


def _columns_of_video(info: VideoInfo) -> dict[str, Any]:
    return {
        "container": info.container,
        "codec": info.codec,
        "pixel_format": info.pixel_format,
        "width": info.width,
        "height": info.height,
        "rotation_deg": info.rotation_deg,
        "sample_aspect_ratio": float(info.sample_aspect_ratio),
        "fps": info.fps,
        "is_variable_rate": info.is_variable_rate,
        "has_timestamps": info.has_timestamps,
        "is_truncated": info.is_truncated,
        "time_base_num": info.time_base.numerator,
        "time_base_den": info.time_base.denominator,
        "start_pts": info.start_pts,
        "duration_s": info.duration_s,
        "num_frames": info.num_frames,
        "status": "ok",
    }
