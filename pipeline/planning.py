"""From SRC to a planned OUT: make the plan once, or find it and hold the user to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from pipeline.config import PlanConfig
from pipeline.errors import PlanError, RefusedError
from pipeline.layout import PLAN_CLIPS, RUN_FILE
from pipeline.ledger import committed_shards
from pipeline.plan import has_plan, make_plan, read_plan, write_plan
from pipeline.probe_journal import ProbeJournal
from pipeline.run_file import RunFile, check_same_plan, create_run, read_run
from pipeline.source import Source, list_source
from pipeline.storage import Store


@dataclass(frozen=True)
class PlannedJob:
    """OUT, ready to be annotated.

    Attributes:
        store: OUT.
        run: What run.json says.
        source_root: Uri that the videos' names are relative to.
        num_new_files: Videos of SRC that the plan does not know; a plan never changes. 0 where
            the plan has a limit: then they were left out on purpose.
    """

    store: Store
    run: RunFile
    source_root: str
    num_new_files: int


def plan_job(
    src: str,
    out: str,
    wanted: dict[str, Any],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    cuts: Mapping[str, Sequence[int]] | None = None,
    on_cut: Callable[[int, int], None] = lambda done, total: None,
) -> PlannedJob:
    """Plan SRC into OUT, or find the plan that is there.

    Args:
        src: What is to be annotated.
        out: Uri of OUT.
        wanted: Fields of `PlanConfig` that the user gave; the others come from OUT's plan, or are
            the defaults.
        on_progress: Called with (files probed, files).
        cuts: Where shots are known to begin, as `make_plan` takes it; of no account where OUT has
            a plan.
        on_cut: Called with (files cut into clips, files), once all are probed.

    Raises:
        RefusedError: OUT was planned with other settings, or from another SRC.
        PlanError: The plan of OUT, or run.json, is damaged or gone; or there can be none for now,
            since videos cannot be read (transient).
        CredentialsError: The store of SRC refuses the credentials.
        SourceError: SRC cannot be listed.
        StorageError: OUT cannot be written.
    """
    store = Store(out)
    run = read_run(store)
    config = replace(run.plan if run else PlanConfig(), **wanted)
    if run is not None:
        check_same_plan(store, run, config)
    elif committed_shards(store):
        raise PlanError(
            f"{store.uri}: clips are committed but {RUN_FILE} is gone, so what labels they are "
            "cannot be told. Put it back, or annotate into a new OUT"
        )
    # run.json comes first: without the plan, and labels, it is of a planning that was stopped.
    is_planned = run is not None and (run.identity is not None or has_plan(store))
    limit = None if is_planned else config.limit  # by then, other files may be the first
    source = list_source(
        src,
        config.include,
        config.exclude,
        limit,
        leave_out=store.uri,
        follow_links=config.follow_links,
        names_only=is_planned,
    )
    store.check_access()
    if run is not None and is_planned:
        num_new_files = _count_new_files(store, source)
        return PlannedJob(store, run, source.root, 0 if config.limit else num_new_files)
    with ProbeJournal(store) as journal:
        plan = make_plan(source, config, on_progress, cuts, journal, on_cut=on_cut)
        if run is None:
            run = RunFile(
                source=source.root,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code_version=version("h3r"),
                plan=config,
            )
            if not create_run(store, run):  # another job was quicker: its plan counts
                return plan_job(src, out, wanted, on_progress, cuts, on_cut)
        write_plan(store, plan)
    journal.forget()
    return PlannedJob(store, run, source.root, num_new_files=0)


def _count_new_files(store: Store, source: Source) -> int:
    """Files of SRC that the plan does not know.

    Raises:
        RefusedError: SRC has none of the planned files, or none as it was: it is another corpus.
        PlanError: run.json is there, the plan is not.
    """
    if not has_plan(store):
        raise PlanError(
            f"{store.uri}: run.json is there but {PLAN_CLIPS} is gone, so what is committed cannot "
            "be told from what is to do. Put the plan back, or annotate into a new OUT"
        )
    columns = ["uri", "size_bytes", "etag"]
    videos = read_plan(store, clip_columns=[], video_columns=columns).videos
    planned = zip(*(videos[name].to_pylist() for name in columns), strict=True)
    listed = {file.name: file for file in source.files}
    num_found, is_one_as_it_was = 0, False
    for name, *content in planned:
        if name in listed:
            file = listed[name]  # of a list, what the store says of it was not asked
            num_found += 1
            is_one_as_it_was |= file.size_bytes is None or content == [
                file.size_bytes,
                file.version,
            ]
    if not is_one_as_it_was:
        other, found = "other ", "none of them is in SRC"
        if num_found:
            other = ""
            found = f"all {num_found} in SRC have changed since (copies need their times: cp -p)"
        raise RefusedError(
            f"{store.uri}: was planned from {videos.num_rows} {other}videos, such as "
            f"{videos['uri'][0].as_py()!r}; {found}. Give the same SRC, or a new OUT"
        )
    return len(listed) - num_found
