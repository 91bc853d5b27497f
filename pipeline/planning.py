"""From SRC to a planned OUT: make the plan once, or find it and hold the user to it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from pipeline.config import PlanConfig
from pipeline.errors import RefusedError, SourceError
from pipeline.plan import has_plan, make_plan, read_plan, write_plan
from pipeline.run_file import RunFile, check_same_plan, read_run, write_run
from pipeline.source import Source, list_source
from pipeline.storage import Store


@dataclass(frozen=True)
class PlannedJob:
    """OUT, ready to be annotated.

    Attributes:
        store: OUT.
        run: What run.json says.
        source_root: Uri that the videos' names are relative to.
        num_new_files: Videos of SRC that the plan does not know; a plan never changes.
    """

    store: Store
    run: RunFile
    source_root: str
    num_new_files: int


def plan_job(
    src: str,
    out: str,
    wanted: dict[str, object],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> PlannedJob:
    """Plan SRC into OUT, or find the plan that is there.

    Args:
        src: What is to be annotated.
        out: Uri of OUT.
        wanted: Fields of `PlanConfig` that the user gave; the others come from OUT's plan, or are
            the defaults.
        on_progress: Called with (files probed, files).

    Raises:
        RefusedError: OUT was planned with other settings, or from another SRC.
        SourceError: SRC cannot be listed.
        StorageError: OUT cannot be written.
    """
    store = Store(out)
    store.check_access()
    run = read_run(store)
    config = replace(run.plan if run else PlanConfig(), **wanted)  # type: ignore[arg-type]
    if run is not None:
        check_same_plan(store, run, config)
    source = _list_source(src, store, config)
    if run is not None and has_plan(store):
        return PlannedJob(store, run, source.root, _count_new_files(store, source))
    write_plan(store, make_plan(source, config, on_progress))
    run = RunFile(
        source=source.root,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code_version=version("h3r"),
        plan=config,
    )
    write_run(store, run)
    return PlannedJob(store, run, source.root, num_new_files=0)


def _list_source(src: str, store: Store, config: PlanConfig) -> Source:
    """SRC without what lies in OUT, should OUT be below it."""
    source = list_source(src, config.include, config.exclude, config.limit)
    below = f"{store.uri}/".removeprefix(f"{source.root}/")
    files = tuple(file for file in source.files if not file.name.startswith(below))
    if not files:
        raise SourceError(f"{src}: no video found outside of OUT")
    return replace(source, files=files)


def _count_new_files(store: Store, source: Source) -> int:
    """Files of SRC that the plan does not know.

    Raises:
        RefusedError: SRC has none of the planned files: it is another corpus.
    """
    planned = set(read_plan(store, clip_columns=["shard_index"]).videos["uri"].to_pylist())
    listed = {file.name for file in source.files}
    if not planned & listed:
        raise RefusedError(
            f"{store.uri}: was planned from {len(planned)} other videos, such as "
            f"{min(planned)!r}; none of them is in SRC. Give the same SRC, or a new OUT"
        )
    return len(listed - planned)
