"""`h3r synth OUT`: videos of a synthetic world, and everything true of them."""

import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.options import AsJson

if TYPE_CHECKING:
    from pipeline.ledger import JobStatus
    from synth.video_spec import CorpusSpec

FREE_BODY = Path(__file__).parents[1] / "assets/body/anny_body_smplx_layout.npz"
_CORPUS = "What the corpus is (fixed by the first run on OUT)"


def synth(
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="Folder or uri (s3://…) that holds the corpus.")
    ],
    videos: Annotated[int, typer.Option(help="Videos.", rich_help_panel=_CORPUS)],
    seed: Annotated[
        int,
        typer.Option(
            help="Of everything random: the same seed gives the same videos.",
            rich_help_panel=_CORPUS,
        ),
    ] = 0,
    frames: Annotated[
        int | None,
        typer.Option(
            help="Frames of a video. Default: 60. Long ones have 2.5 clips, or more if so given.",
            rich_help_panel=_CORPUS,
        ),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WxH,…",
            help="Sizes a video may have. Default: 512x288,512x384,288x512.",
            rich_help_panel=_CORPUS,
        ),
    ] = None,
    fps: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N,…",
            help="Frame rates a video may have. Default: 24,25,30.",
            rich_help_panel=_CORPUS,
        ),
    ] = None,
    people: Annotated[
        str,
        typer.Option(metavar="LEAST-MOST", help="People in a place.", rich_help_panel=_CORPUS),
    ] = "1-5",
    variant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,…",
            help="Taken in turn: plain, cuts (2 or 3 shots), long (250 frames or --frames), vfr "
            "(uneven times), border (people half out of the picture), empty (nobody), or mixed "
            "(most are plain, some are each of the others). Default: mixed.",
            rich_help_panel=_CORPUS,
        ),
    ] = None,
    max_clip_frames: Annotated[
        int,
        typer.Option(
            help="Frames of a clip of the truth at most; long videos have 2.5 times as many, or "
            "--frames.",
            rich_help_panel=_CORPUS,
        ),
    ] = 100,
    body_model: Annotated[
        str,
        typer.Option(
            help="Body of the people: an SMPL-X-layout .npz, a path or uri.",
            rich_help_panel=_CORPUS,
        ),
    ] = str(FREE_BODY),
    num_processes: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            min=1,
            help="Processes; never changes a pixel or a label. Default: one a core.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Film a synthetic world into OUT, with everything true of it; run again, it goes on."""
    from jobs.progress import ProgressLine
    from pipeline.machine import count_cores
    from synth.dataset import CorpusProgress, make_corpus

    spec = _spec(videos, seed, frames, size, fps, people, variant, max_clip_frames)
    began_s = time.monotonic()
    num_frames = 0
    with ProgressLine("synth") as line:

        def on_video(done: int, total: int, num_filmed: int) -> None:
            nonlocal num_frames
            num_frames = num_filmed
            rate = num_filmed / (time.monotonic() - began_s)
            line.show(done, total, f"videos · {rate:.1f} frames/s")

        def on_shard(done: int, total: int) -> None:
            line.show(done, total, "shards of truth")

        progress = CorpusProgress(on_video, on_shard)
        status = make_corpus(out, spec, body_model, num_processes or count_cores(), progress)
    seconds = time.monotonic() - began_s
    if as_json:
        run = {"run_frames": num_frames, "run_seconds": round(seconds, 3)}
        typer.echo(json.dumps({"out": out, **dataclasses.asdict(status), **run}))
        return
    for text in _lines(out, status, num_frames, seconds):
        typer.echo(text)


def _spec(
    videos: int,
    seed: int,
    frames: int | None,
    size: list[str] | None,
    fps: list[str] | None,
    people: str,
    variant: list[str] | None,
    max_clip_frames: int,
) -> "CorpusSpec":
    """The corpus that was asked for; what was not given has its default.

    Raises:
        ConfigError: No corpus can be made of it.
    """
    from synth.video_spec import CorpusSpec

    given: dict[str, Any] = {}
    if frames is not None:
        given["num_frames"] = frames
    if size:
        given["sizes"] = tuple(_numbers(part, "--size", "WxH", "x") for part in _parts(size))
    if fps:
        given["fps"] = tuple(_numbers(part, "--fps", "N")[0] for part in _parts(fps))
    if variant:
        given["variants"] = tuple(_parts(variant))
    least, most = _numbers(people, "--people", "LEAST-MOST", "-")
    spec = CorpusSpec(
        seed=seed,
        num_videos=videos,
        min_people=least,
        max_people=most,
        max_clip_frames=max_clip_frames,
        **given,
    )
    if frames is None or frames <= spec.least_long_frames:
        return spec
    return dataclasses.replace(spec, num_long_frames=frames)


def _parts(values: list[str]) -> list[str]:
    """Values given again and again, each of which may be a list with commas."""
    return [part for value in values for part in value.split(",")]


def _numbers(text: str, option: str, form: str, separator: str | None = None) -> tuple[int, ...]:
    """The whole numbers that `text` has in the places of `form`."""
    parts = text.split(separator) if separator else [text]
    if len(parts) != len(form.split(separator)) or not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(f"{option} {text}: give {form}, whole numbers")
    return tuple(map(int, parts))


def _lines(out: str, status: "JobStatus", num_frames: int, seconds: float) -> list[str]:
    run = f"{num_frames} frames in {seconds:.1f} s, {num_frames / seconds:.1f} frames/s"
    return [
        f"{out}: {status.num_videos} videos; their truth is {status.num_clips} clips, "
        f"{status.num_frames} frames, {status.num_people} people rows, {status.num_tracks} tracks",
        f"this run: {run if num_frames else 'no video to film'}",
    ]
