"""`h3r bench NAME`: how fast the product is here, beside what the hardware would allow."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.report import BenchReport
    from human3r_model.config import Precision

JsonFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write every sample here, with the machine."),
]
Repeats = Annotated[int, typer.Option(min=1, help="Times everything is measured.")]
Weights = Annotated[
    str | None, typer.Option(help="Weights made by `h3r convert-weights`: a path or uri.")
]
AnyPrecision = Annotated[
    str, typer.Option(help="In which the network computes: float32, tf32, bfloat16, float16.")
]
Compiled = Annotated[bool, typer.Option("--compile", help="Compiled by torch.compile.")]
Preset = Annotated[str | None, typer.Option(help="Instead of --weights: random ones of a preset.")]
Device = Annotated[str, typer.Option(help="cpu or cuda. Default: a GPU where there is one.")]
BodyModel = Annotated[str | None, typer.Option(help="SMPL-X model file (.npz), a path or uri.")]

bench = typer.Typer(
    no_args_is_help=True,
    help="Measure the speed of parts of the job, with the machine's ceilings: a table, and with "
    "--json FILE every sample.",
)


@bench.command()
def scale(
    clips: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            help="Clips of a corpus of names, in whole videos; may be given again. Default: 1e3 to "
            "1e6.",
        ),
    ] = None,
    clips_per_video: Annotated[int, typer.Option(min=1, help="1 is the worst.")] = 1,
    shards: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Shards of no length through Ray; may be given again."),
    ] = None,
    workers: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Workers that sleep side by side; may be given again."),
    ] = None,
    shard_s: Annotated[
        float,
        typer.Option(min=0.01, max=3600, help="Seconds a shard takes them, on average."),
    ] = 2.0,
    shards_per_worker: Annotated[int, typer.Option(min=2, help="Shards of each, about.")] = 30,
    repeats: Repeats = 3,
    json_file: JsonFile = None,
) -> None:
    """Plan, resume, status and scheduling of large corpora, with work that takes no time."""
    from bench.scale import ScaleOptions, bench_scale

    usual = ScaleOptions()
    for number in clips or usual.clips:
        if number % clips_per_video:
            raise typer.BadParameter(
                f"--clips {number}: are no whole videos of --clips-per-video {clips_per_video}. "
                "Give a multiple"
            )
    options = ScaleOptions(
        clips=tuple(clips) if clips else usual.clips,
        clips_per_video=clips_per_video,
        shards=tuple(shards) if shards else usual.shards,
        workers=tuple(workers) if workers else usual.workers,
        shard_s=shard_s,
        shards_per_worker=shards_per_worker,
        repeats=repeats,
    )
    _show(lambda: bench_scale(options, _say), json_file)


@bench.command()
def model(
    weights: Weights = None,
    preset: Preset = None,
    precision: AnyPrecision = "float32",
    device: Device = "auto",
    width: Annotated[int, typer.Option(min=1, help="Of the source picture, pixels.")] = 1280,
    height: Annotated[int, typer.Option(min=1, help="Likewise.")] = 720,
    clips: Annotated[int, typer.Option(min=1, help="Clips side by side.")] = 4,
    frames: Annotated[int, typer.Option(min=1, help="Of each, encoded at once.")] = 4,
    people: Annotated[float, typer.Option(min=0, max=1000, help="In a frame, on average.")] = 2.0,
    plain: Annotated[
        bool, typer.Option("--plain", help="Run the plain formulation on the same frames, too.")
    ] = False,
    compiled: Compiled = False,
    repeats: Repeats = 5,
    json_file: JsonFile = None,
) -> None:
    """The network alone, part by part, beside the device's ceilings."""
    from bench.model import ModelOptions, bench_model
    from pipeline.models import ModelSource

    _check_model(weights, preset)
    if plain and compiled:
        raise typer.BadParameter("--plain runs uncompiled: give it without --compile")
    options = ModelOptions(
        ModelSource(weights, preset, 0, None),
        precision=_check_precision(precision),
        device=device,
        width=width,
        height=height,
        num_clips=clips,
        num_frames=frames,
        num_people=people,
        repeats=repeats,
        with_plain=plain,
        is_compiled=compiled,
    )
    _show(lambda: bench_model(options, _say), json_file)


@bench.command()
def precision(
    videos: Annotated[
        list[Path], typer.Argument(metavar="VIDEO...", help="Videos on this machine.")
    ],
    body_model: Annotated[Path, typer.Option(help="SMPL-X model file (.npz), of the joints.")],
    weights: Annotated[
        Path | None, typer.Option(help="Weights made by `h3r convert-weights`.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Instead of --weights: filled as the reference files' networks are."),
    ] = None,
    precision: AnyPrecision = "bfloat16",
    compiled: Compiled = False,
    frames: Annotated[int, typer.Option(min=1, help="Of each video, at most.")] = 60,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """What another precision changes in the labels of videos, against float32."""
    from bench.precision import PrecisionOptions, bench_precision

    _check_model(weights, preset)
    options = PrecisionOptions(
        videos=tuple(videos),
        weights=weights,
        preset=preset,
        precision=_check_precision(precision),
        body_model=body_model,
        num_frames=frames,
        device=device,
        is_compiled=compiled,
    )
    _show(lambda: bench_precision(options, _say), json_file)


@bench.command()
def pipeline(
    src: Annotated[str, typer.Argument(metavar="SRC", help="Videos, such as those of h3r synth.")],
    weights: Weights = None,
    preset: Preset = None,
    body_model: BodyModel = None,
    precision: AnyPrecision = "float32",
    compiled: Compiled = False,
    batch_clips: Annotated[int, typer.Option(min=1, help="As of h3r annotate.")] = 4,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Of the network on a CPU. Default: all cores but one."),
    ] = None,
    and_without_depth: Annotated[
        bool,
        typer.Option(
            "--and-without-depth",
            help="Run the job that writes no depth, too, in turns: half as long again.",
        ),
    ] = False,
    repeats: Repeats = 5,
    json_file: JsonFile = None,
) -> None:
    """The whole job against the bare network on the same frames.

    Give videos enough for four shards, of --batch-clips times 100 frames each: with fewer, most of
    what is measured is how the job begins and ends.
    """
    from bench.pipeline import PipelineOptions, bench_pipeline, default_threads
    from pipeline.config import WorkerConfig
    from pipeline.machine import count_cores
    from pipeline.models import ModelSource

    _check_model(weights, preset)
    options = PipelineOptions(
        src=src,
        models=ModelSource(weights, preset, 0, body_model),
        worker=WorkerConfig(batch_clips=batch_clips, is_compiled=compiled),
        num_threads=threads or default_threads(count_cores()),
        repeats=repeats,
        precision=_check_precision(precision),
        and_without_depth=and_without_depth,
    )
    _show(lambda: bench_pipeline(options, _say), json_file)


@bench.command()
def decode(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A video on this machine.")],
    repeats: Repeats = 5,
    json_file: JsonFile = None,
) -> None:
    """Decoding as the job does it, beside a bare decoder and ffmpeg."""
    from bench.decode import DecodeOptions, bench_decode

    _show(lambda: bench_decode(DecodeOptions(video, repeats), _say), json_file)


@bench.command()
def depth(
    frames: Annotated[int, typer.Option(min=1, help="Of a clip.")] = 100,
    repeats: Repeats = 5,
    json_file: JsonFile = None,
) -> None:
    """Bytes and milliseconds of a frame's depth."""
    from bench.depth import DepthOptions, bench_depth

    _show(lambda: bench_depth(DepthOptions(num_frames=frames, repeats=repeats), _say), json_file)


@bench.command()
def memory(
    weights: Weights = None,
    preset: Preset = None,
    body_model: BodyModel = None,
    seconds: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Length of a video; may be given again. Default: 10, 600, 3600."),
    ] = None,
    batch_clips: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Clips of a batch; may be given again. Default: 1, 4."),
    ] = None,
    limit_mib: Annotated[
        int | None, typer.Option(min=1, help="Data each process may have. Default: no limit.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """A worker's memory over the length of a video."""
    from bench.memory import MemoryOptions, bench_memory
    from pipeline.models import ModelSource

    _check_model(weights, preset)
    models = ModelSource(weights, preset, 0, body_model)
    usual = MemoryOptions(models)
    options = MemoryOptions(
        models,
        seconds=tuple(sorted(seconds)) if seconds else usual.seconds,
        batches=tuple(batch_clips) if batch_clips else usual.batches,
        limit_mib=limit_mib,
    )
    _show(lambda: bench_memory(options, _say), json_file)


def _check_precision(name: str) -> "Precision":
    from human3r_model.config import PRECISIONS

    for precision in PRECISIONS:
        if name == precision:
            return precision
    raise typer.BadParameter(f"--precision {name}: must be one of {', '.join(PRECISIONS)}")


def _check_model(weights: str | Path | None, preset: str | None) -> None:
    if (weights is None) == (preset is None):
        raise typer.BadParameter("give either --weights FILE or --preset NAME")
    from human3r_model.config import PRESETS

    if preset is not None and preset not in PRESETS:
        raise typer.BadParameter(f"--preset {preset}: must be one of {', '.join(PRESETS)}")


def _show(measure: "Callable[[], BenchReport]", json_file: Path | None) -> None:
    """Measure, print the table, and write the JSON file where one is wanted."""
    from bench.processes import take_sigterm_as_ctrl_c
    from bench.report import as_json, table_lines

    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise ConfigError(f"{json_file}: its folder does not exist. Choose another place")
    take_sigterm_as_ctrl_c()
    report = measure()
    for line in table_lines(report):
        typer.echo(line)
    if json_file is not None:
        text = json.dumps(as_json(report, _command(sys.argv[1:])), indent=1)
        json_file.write_text(text + "\n", encoding="utf-8")


def _command(arguments: list[str]) -> str:
    """What was measured, without where the report goes: that is this machine's."""
    words = iter(arguments)
    kept = []
    for word in words:
        if word == "--json":
            next(words)
        elif not word.startswith("--json="):
            kept.append(word)
    return shlex.join(["h3r", *kept])


def _say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")
