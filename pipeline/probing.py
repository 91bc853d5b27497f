"""Look at every file of SRC ahead of the plan: what each holds, or why that cannot be told.

A plan never changes, so what may pass must not get into it. Files that could not be read for now
are tried once more after all others; if some still cannot be read, there is no plan. What was
found is in the journal meanwhile, so that the next run asks for the rest alone.
"""

import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from pipeline.errors import CredentialsError, H3RError, PlanError, ProbeError
from pipeline.probe import VideoInfo, probe_video
from pipeline.probe_journal import Probed, ProbeJournal
from pipeline.report import printable
from pipeline.retries import Retries
from pipeline.source import Source, SourceFile
from pipeline.storage import open_media
from pipeline.uris import join_uri
from schemas.ids import video_id

PROBE_THREADS = 8
TASKS_AHEAD = 32  # so that a video that takes long keeps no thread waiting
MAX_FILES_AT_ONCE = 16  # of a large corpus, a task: handing over a task costs more than a row
FILES_PER_STEP = 1000
MAX_IN_A_ROW = 20
"""Files that fail for now, one after another, until the store is taken to be out of order."""
NUM_NAMED = 5
MISSING_VERSION = "missing"

Answer = VideoInfo | ProbeError
Probe = Callable[[str, SourceFile], Answer]
"""From SRC and a file of it to what the file holds, or why that cannot be told."""


def probe_file(root: str, file: SourceFile) -> Answer:
    """What the file holds, or why that cannot be told.

    Raises:
        CredentialsError: The store refuses the credentials.
    """
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


def probe_files(
    source: Source, journal: ProbeJournal, on_progress: Callable[[int, int], None], probe: Probe
) -> Iterator[Probed]:
    """Find out what every file of SRC holds.

    Args:
        source: SRC as listed.
        journal: Has what is known already, and takes what is found.
        on_progress: Called with (files known, files) after each.
        probe: Looks at a file.

    Returns:
        One for each file, in order; all are known by then, and read back from the journal.

    Raises:
        PlanError: Files cannot be read for now (transient).
        CredentialsError: The store refuses the credentials.
    """
    ids = [_video_id(file) for file in source.files]
    waiting = [place for place, identity in enumerate(ids) if identity not in journal]
    unreadable: dict[str, Probed] = {}  # in no journal: the cause may be mended
    num_known = itertools.count(len(ids) - len(waiting) + 1)

    def take(place: int, answer: Answer) -> None:
        file, identity = source.files[place], ids[place]
        if isinstance(answer, VideoInfo):
            journal.add(_readable(file, identity, answer))
        else:
            unreadable[identity] = _unreadable(file, identity, answer)
        on_progress(next(num_known), len(ids))

    failed = probe_twice(source, waiting, probe, take)
    if failed:
        raise _refusal(list(failed.values()), len(ids))
    return (unreadable.get(identity) or journal.get(identity) for identity in ids)


def probe_twice(
    source: Source, places: Sequence[int], probe: Probe, take: Callable[[int, Answer], None]
) -> dict[int, str]:
    """Probe files side by side; those that cannot be read for now once more after all others.

    Args:
        source: SRC as listed.
        places: Of the files.
        probe: Looks at a file.
        take: Told a file's place and what it holds, or why that will never be told.

    Returns:
        By their places why files could not be read for now. Where there are some, others may not
        have been looked at.

    Raises:
        CredentialsError: The store refuses the credentials.
    """
    failed, is_given_up = _probe_all(source, places, probe, take)
    return failed if is_given_up else _probe_all(source, list(failed), probe, take)[0]


def name_some(reasons: Sequence[str]) -> str:
    """The first reasons, a line each, and how many more there are."""
    shown = "".join(f"\n  {printable(reason)}" for reason in reasons[:NUM_NAMED])
    more = f"\n  and {len(reasons) - NUM_NAMED} more" if len(reasons) > NUM_NAMED else ""
    return shown + more


def _probe_all(
    source: Source, places: Sequence[int], probe: Probe, take: Callable[[int, Answer], None]
) -> tuple[dict[int, str], bool]:
    """Probe files in threads, in order; those that failed for now, and whether too many did."""
    failed: dict[int, str] = {}
    num_in_a_row = 0
    with contextlib.closing(_answers(source, places, probe)) as answers:
        for place, answer in answers:
            if isinstance(answer, VideoInfo) or not answer.is_transient:
                num_in_a_row = 0
                take(place, answer)
                continue
            failed[place] = str(answer)
            num_in_a_row += 1
            if num_in_a_row == MAX_IN_A_ROW:
                return failed, True
    return failed, False


def _answers(source: Source, places: Sequence[int], probe: Probe) -> Generator[tuple[int, Answer]]:
    """Files and what they hold, in order, probed side by side and a bounded number ahead."""
    at_once = min(1 + len(places) // FILES_PER_STEP, MAX_FILES_AT_ONCE)
    is_over = threading.Event()

    def probe_some(start: int) -> list[tuple[int, Answer]]:
        answers = []
        for place in places[start : start + at_once]:
            if is_over.is_set():
                break
            try:
                answers.append((place, probe(source.root, source.files[place])))
            except Exception:
                is_over.set()  # what ends all is raised in its turn: meanwhile nothing is asked
                raise
        return answers

    ahead: deque[Future[list[tuple[int, Answer]]]] = deque()
    pool = ThreadPoolExecutor(PROBE_THREADS, "probe")
    try:
        for start in range(0, len(places), at_once):
            if len(ahead) == TASKS_AHEAD:
                yield from ahead.popleft().result()
            ahead.append(pool.submit(probe_some, start))
        while ahead:
            yield from ahead.popleft().result()
    finally:
        is_over.set()
        pool.shutdown(cancel_futures=True)


def _refusal(reasons: Sequence[str], num_files: int) -> PlanError:
    error = PlanError(
        f"nothing is planned, since a plan never changes and {len(reasons)} of {num_files} videos "
        f"could not be read for now:{name_some(reasons)}\nWhat was found of the others is kept: "
        "run the same command again, or leave those out with --exclude"
    )
    error.is_transient = True
    return error


def _video_id(file: SourceFile) -> str:
    return video_id(file.name, file.size_bytes or 0, file.version or MISSING_VERSION)


def _columns_of_file(file: SourceFile, identity: str) -> dict[str, Any]:
    return {
        "video_id": identity,
        "uri": file.name,
        "etag": file.version or MISSING_VERSION,
        "size_bytes": file.size_bytes or 0,
    }


def _unreadable(file: SourceFile, identity: str, error: ProbeError) -> Probed:
    columns = _columns_of_file(file, identity) | {
        "status": "failed",
        "error_class": type(error).__name__,
        "error_message": str(error),
    }
    return Probed(columns, np.zeros(0, np.int64))


def _readable(file: SourceFile, identity: str, info: VideoInfo) -> Probed:
    columns = _columns_of_file(file, identity) | {
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
    return Probed(columns, info.frame_pts)
