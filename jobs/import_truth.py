"""`h3r import-truth DATASET PATH OUT`: a public ground truth as videos and a dataset of truth."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Annotated

import typer

from jobs.options import AsJson

SPAN = re.compile(r"(-?\d+)?:(-?\d+)?(?::(\d+)?)?", re.ASCII)


def import_truth(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="3dpw, emdb, emdb1, emdb2, rich, bedlam, bonn, tum, sintel, kitti, or auto.",
        ),
    ],
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The dataset as downloaded, or a part of it.")
    ],
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="Folder or uri for videos/ and truth/.")
    ],
    body_models: Annotated[
        Path | None,
        typer.Option(
            help="Folder of SMPLX_NEUTRAL.npz, SMPLX_MALE.npz and SMPLX_FEMALE.npz, needed for "
            "rich and bedlam."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Glob pattern of names of sequences to take; may be given again.",
        ),
    ] = None,
    frames: Annotated[
        str,
        typer.Option(
            metavar="START:STOP:STEP",
            help="Which pictures of each sequence to take, as Python slices: :270:3, 30:140. "
            "Counted are those that have all that is true of a picture.",
        ),
    ] = ":",
    as_json: AsJson = False,
) -> None:
    """Bring a public ground truth into the form that `h3r evaluate` compares labels with.

    OUT/videos has the sequences' pictures as videos, to be annotated; OUT/truth is what is true of
    them. docs/evaluation.md says where each dataset's files go and what can be measured on it.
    """
    from evaluation.loaders.load import load
    from evaluation.loaders.to_truth import TRUTH_FOLDER, VIDEOS_FOLDER
    from evaluation.loaders.to_truth import import_truth as write_truth
    from evaluation.loaders.true_bodies import BodyFolder
    from jobs.progress import ProgressLine

    sequences = load(path, None if dataset == "auto" else dataset, only or (), _span(frames))
    bodies = None if body_models is None else BodyFolder(body_models)
    with ProgressLine("pictures") as progress:
        status = write_truth(sequences, out, bodies, progress.show)
    if as_json:
        typer.echo(json.dumps({"out": out, **dataclasses.asdict(status)}))
        return
    typer.echo(
        f"{out}: {status.num_videos} videos, {status.num_frames_planned} frames of truth\n"
        f"next: h3r annotate {out}/{VIDEOS_FOLDER} PRED; h3r evaluate PRED {out}/{TRUTH_FOLDER}"
    )


def _span(text: str) -> slice:
    """The slice that --frames names."""
    match = SPAN.fullmatch(text)
    start, stop, step = (part and int(part) for part in match.groups()) if match else (0, 0, 0)
    if step == 0:
        raise typer.BadParameter(
            f"--frames {text}: give START:STOP or START:STOP:STEP, whole numbers of which any may "
            "be left out, STEP above 0"
        )
    return slice(start, stop, step)
