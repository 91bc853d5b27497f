"""`python -m jobs.train_nano OUT`: trains the small weights on the synthetic world.

Run again on the same OUT, it goes on where it stopped. OUT/nano.safetensors is what
`h3r annotate --weights` takes; OUT/curve.jsonl says how it got there.
"""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from training.corpus import ClipJob
    from training.trainer import Learn, TrainConfig

SIZES = ((384, 216), (384, 288), (216, 384))
SHARES = (0.5, 0.35, 0.15)
LENGTHS = (6, 6, 6, 6, 24)
"""Frames of a clip: many scenes, and some long enough to be followed through."""
CLIP_SHARES = {"all": 0.3, "decoder": 0.4, "camera": 0.5}
MOVE_SHARES = {"all": 0.3, "decoder": 0.3, "camera": 0.5}
"""How much of what is learned from are rendered clips, and cameras that move in one picture; the
rest are single frames, except with --learn camera, of which they say nothing."""
NUM_VIEWS = (6,)
"""Of a scene: who is in it and how they look are seen from several sides."""
MARGIN = 4 / 3
"""Around what the network is to see: other parts and focal lengths of it are drawn each time."""
HELD_OUT_LENGTHS = (24,)
VIEWS_SEED, HELD_OUT_SEED = 2_000_000, 1_000_000
NUM_HELD_OUT = 16
HELD_OUT_LANES = 8
BODY = Path(__file__).parents[1] / "assets/body/anny_body_smplx_layout.npz"


def train_nano(
    out: Annotated[Path, typer.Argument(help="Folder of the clips, the curve and the weights.")],
    clips: Annotated[int, typer.Option(min=3, help="Clips to render and learn from.")] = 1200,
    views: Annotated[
        int, typer.Option(min=3, help="Scenes to render from several sides and learn from.")
    ] = 2000,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the optimiser in all.")] = 8000,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, help="End training after so long. Default: --steps.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of clips, weights and draws.")] = 0,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that train. Default: one a GPU, or one a CPU core."),
    ] = None,
    render_processes: Annotated[
        int | None, typer.Option(min=1, help="Processes that render. Default: one a CPU core.")
    ] = None,
    loaders: Annotated[
        int,
        typer.Option(
            min=0,
            help="Processes a picture size that read ahead; beside a GPU, a third of the cores.",
        ),
    ] = 0,
    batch_clips: Annotated[
        int, typer.Option(min=1, help="Clips side by side in each process.")
    ] = 8,
    start_from: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Weights to begin with, such as assets/nano's, where OUT holds no checkpoint yet.",
        ),
    ] = None,
    learn: Annotated[
        Literal["all", "decoder", "camera"],
        typer.Option(
            help="All of the network; all but both backbones, which is faster; or likewise from "
            "cameras and depth alone, without people, which is faster still."
        ),
    ] = "all",
    echoes: Annotated[
        int,
        typer.Option(
            min=1, help="Learn from each batch so often; more than 1 not with --learn all."
        ),
    ] = 1,
    moves: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Share of the batches that are cameras moving in one picture, instead of single "
            "frames. Default: 0.3, with --learn camera 0.5.",
        ),
    ] = None,
    learning_rate: Annotated[float, typer.Option(min=0, help="Peak learning rate.")] = 2e-3,
    measure_every: Annotated[
        int, typer.Option(min=1, help="Steps between two points of the curve.")
    ] = 250,
) -> None:
    """Render a corpus, train the nano preset on it, and write the weights."""
    import torch

    from human3r_model.errors import CheckpointError
    from training.corpus import render_corpus
    from training.trainer import TrainConfig, first_model

    if echoes > 1 and learn == "all":
        raise typer.BadParameter("is for backbones that do not learn", param_hint="--echoes")
    if start_from is not None:
        try:
            first_model(TrainConfig(), start_from, "cpu")
        except CheckpointError as error:  # told of now, not when the clips are rendered
            raise typer.BadParameter(str(error), param_hint="--start-from") from error
    render_corpus(rendering(out, clips, views, seed), BODY, render_processes or os.cpu_count() or 1)
    config = TrainConfig(
        seed=seed,
        num_steps=steps,
        max_seconds=None if minutes is None else 60 * minutes,
        num_clips=batch_clips,
        num_processes=processes or torch.cuda.device_count() or os.cpu_count() or 1,
        num_loaders=loaders,
        learning_rate=learning_rate,
        measure_every=measure_every,
        echoes=echoes,
        learn=learn,
        move_share=MOVE_SHARES[learn] if moves is None else moves,
    )
    (out / "config.json").write_text(json.dumps(asdict(config), indent=1) + "\n")
    meeting = (out / "meeting").resolve()
    meeting.unlink(missing_ok=True)
    if config.num_processes == 1:
        _train(0, config, out, meeting.as_uri(), start_from)
    else:
        arguments = (config, out, meeting.as_uri(), start_from)
        torch.multiprocessing.spawn(_train, arguments, config.num_processes)


def rendering(out: Path, clips: int, views: int, seed: int) -> "list[ClipJob]":
    """Everything a training looks at: clips, scenes from several sides, and what is held out."""
    from human3r_model.config import PRESETS
    from training.corpus import CorpusSpec, corpus_jobs

    jobs = []
    for folder, total, base, lengths, margin in (
        ("clips", clips, seed, LENGTHS, MARGIN),
        ("views", views, VIEWS_SEED + seed, NUM_VIEWS, MARGIN),
        ("held_out", NUM_HELD_OUT * len(SIZES), HELD_OUT_SEED + seed, HELD_OUT_LENGTHS, 1.0),
    ):
        for place, (width, height) in enumerate(SIZES):
            share = 1 / len(SIZES) if folder == "held_out" else SHARES[place]
            spec = CorpusSpec(
                base * len(SIZES) + place,
                width,
                height,
                round(PRESETS["nano"].long_side * margin),
                lengths,
                has_views=folder == "views",
                margin=margin,
            )
            target = out / folder / f"{width}x{height}"
            jobs += corpus_jobs(target, spec, max(1, round(total * share)))
    return jobs


def share_of_singles(learn: "Learn", move_share: float) -> float:
    """How much of what is learned from are single frames: what clips and moves leave."""
    return 0.0 if learn == "camera" else max(0.0, 1 - CLIP_SHARES[learn] - move_share)


def _train(
    rank: int, config: "TrainConfig", out: Path, meeting: str, start_from: Path | None
) -> None:
    """One process of the training."""
    import torch

    from human3r_model.body import BodyModel
    from human3r_model.config import PRESETS
    from human3r_model.weights import write_weights
    from training.stream import ClipStream
    from training.trainer import Trainer

    has_gpu = torch.cuda.is_available()
    device = f"cuda:{rank % torch.cuda.device_count()}" if has_gpu else "cpu"
    torch.set_float32_matmul_precision("high")  # TF32 where there is one
    if config.num_processes > 1:
        if not has_gpu:
            torch.set_flush_denormal(True)
            torch.set_num_threads(max(1, (os.cpu_count() or 1) // config.num_processes))
        torch.distributed.init_process_group(
            "gloo", init_method=meeting, rank=rank, world_size=config.num_processes
        )
    checkpoint = out / "checkpoint.pt"

    def files(folder: str, size: tuple[int, int]) -> list[Path]:
        return sorted((out / folder / "{}x{}".format(*size)).glob("*.safetensors"))

    def stream(size: tuple[int, int], *, is_held_out: bool) -> ClipStream:
        clips = files("held_out" if is_held_out else "clips", size)
        return ClipStream(
            clips,
            PRESETS[config.preset],
            HELD_OUT_LANES if is_held_out else config.num_clips,
            config.window,
            (config.seed, rank, int(is_held_out)),
            single_paths=[*clips, *files("views", size)],
            single_share=0 if is_held_out else share_of_singles(config.learn, config.move_share),
            move_share=0 if is_held_out else config.move_share,
            is_augmented=not is_held_out,
        )

    trainer = Trainer(
        config,
        [stream(size, is_held_out=False) for size in SIZES],
        SHARES,
        [] if rank else [stream(size, is_held_out=True) for size in SIZES[:2]],
        BodyModel.from_file(BODY, device),
        device,
        start_from,
    )
    if checkpoint.exists():
        trainer.load(checkpoint)
    trainer.run(out / "curve.jsonl", checkpoint, typer.echo)
    if rank == 0:
        tensors = {name: value.half().cpu() for name, value in trainer.average.state_dict().items()}
        curve = (out / "curve.jsonl").read_bytes()
        write_weights(
            out / "nano.safetensors",
            PRESETS[config.preset],
            tensors,
            source_sha256=hashlib.sha256(curve).hexdigest(),
        )


if __name__ == "__main__":
    typer.run(train_nano)
