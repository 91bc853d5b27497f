"""Names of everything in OUT. The only place that spells a path.

run.json                                  identity, configuration, source, runs
plan/videos.parquet  plan/clips.parquet   immutable
plan/labels.json                          what labels are made with, by the first job that begins
plan/probed/…                             what was found of SRC's files, until there is a plan
{frames,people,tracks}/shard-N.ATTEMPT.parquet
depth/shard-N.ATTEMPT/CLIP.mkv
attempts/shard-N/…                        marks of attempts under way
attempts/start-RUN-WORKER/…               marks of workers that are loading the models
retries/shard-N.json                      clips of a committed shard that are to be done again
retries/shard-N.done                      some were: its commit was replaced, and may be once more
clips/shard-N.parquet                     the commit: a shard is done when this exists
digests/NAME.parquet                      copies of many commits' rows, to be read at once
"""

import re

RUN_FILE = "run.json"
PLAN_VIDEOS = "plan/videos.parquet"
PLAN_CLIPS = "plan/clips.parquet"
LABELS_FILE = "plan/labels.json"
PROBED_FOLDER = "plan/probed"
LEDGER_FOLDER = "clips"
ROW_TABLES = ("frames", "people", "tracks")
DEPTH_FOLDER = "depth"
ATTEMPTS_FOLDER = "attempts"
RETRIES_FOLDER = "retries"
DIGESTS_FOLDER = "digests"
DATA_FOLDERS = (*ROW_TABLES, DEPTH_FOLDER)

_START_PREFIX = f"{ATTEMPTS_FOLDER}/start-"
_SHARD = re.compile(r"shard-(\d{6,})")


def commit_path(shard_index: int) -> str:
    """The object whose existence commits a shard."""
    return f"{LEDGER_FOLDER}/{_shard_name(shard_index)}.parquet"


def rows_path(table: str, shard_index: int, attempt: str) -> str:
    """A shard's rows of one table, as one attempt wrote them."""
    return f"{table}/{_shard_name(shard_index)}.{attempt}.parquet"


def depth_path(shard_index: int, attempt: str, clip_id: str) -> str:
    """A clip's depth object, as one attempt wrote it."""
    return f"{DEPTH_FOLDER}/{_shard_name(shard_index)}.{attempt}/{clip_id}.mkv"


def retry_path(shard_index: int) -> str:
    """Where it is said which clips of a committed shard are to be done again."""
    return f"{RETRIES_FOLDER}/{_shard_name(shard_index)}.json"


def retried_path(shard_index: int) -> str:
    """The mark of a shard of which clips were done again."""
    return f"{RETRIES_FOLDER}/{_shard_name(shard_index)}.done"


def attempts_folder(shard_index: int) -> str:
    """Where a shard's attempts leave their marks."""
    return f"{ATTEMPTS_FOLDER}/{_shard_name(shard_index)}"


def start_folder(run_id: str, worker_id: str) -> str:
    """Where the processes of one worker leave their marks while they start."""
    return f"{_START_PREFIX}{run_id}-{worker_id}"


def is_start_mark(path: str) -> bool:
    """Whether a file of OUT is the mark of a worker that starts."""
    return path.startswith(_START_PREFIX)


def is_probed(path: str) -> bool:
    """Whether a file of OUT says what was found before there was a plan."""
    return path.startswith(f"{PROBED_FOLDER}/")


def shard_of(path: str) -> int | None:
    """The shard that a file of OUT belongs to, or None for files of no shard."""
    match = _SHARD.search(path)
    return int(match.group(1)) if match else None


def _shard_name(shard_index: int) -> str:
    return f"shard-{shard_index:06d}"
