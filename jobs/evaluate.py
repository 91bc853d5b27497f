"""`h3r evaluate PRED TRUTH`: how good labels are, by the field's metrics."""

import json
import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import ConfigError

STDOUT = Path("-")

if TYPE_CHECKING:
    from evaluation.smpl import SmplBodies
    from human3r_model.body import BodyModel


class MatchBy(StrEnum):
    """What people of the two sides are matched by."""

    HEAD = "head"
    BOX = "box"


def evaluate(
    pred: Annotated[
        str, typer.Argument(metavar="PRED", help="Folder or uri (s3://…) of the labels to judge.")
    ],
    truth: Annotated[
        str, typer.Argument(metavar="TRUTH", help="Folder or uri of the truth, in the same tables.")
    ],
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write every number here, per sequence too; - prints them instead of the table.",
        ),
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots here.")
    ] = None,
    body_model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="SMPL-X model (.npz) of both sides, to compare skin."),
    ] = None,
    smpl_model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="SMPL_NEUTRAL.pkl, those of MALE and FEMALE beside it: with --smplx-to-smpl, "
            "compares with a truth of SMPL.",
        ),
    ] = None,
    smplx_to_smpl: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="smplx2smpl.pkl, the transfer distributed with the body models."
        ),
    ] = None,
    h36m_regressor: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="J_regressor_h36m.npy: takes MPJPE and PA-MPJPE of its 14 joints, as published "
            "for 3DPW, instead of SMPL's 24.",
        ),
    ] = None,
    match: Annotated[
        MatchBy, typer.Option(help="Match people by the pixel of the head, or by box (IoU 0.5).")
    ] = MatchBy.HEAD,
    radius_px: Annotated[
        float | None,
        typer.Option(
            help="Greatest distance of matched heads, source pixels. Default: one patch of the "
            "network's encoder."
        ),
    ] = None,
) -> None:
    """Compare labels with the truth: detection, bodies, tracks, camera, depth and motion.

    Both sides are datasets as `h3r annotate` writes them, of the same videos. What cannot be
    measured is said to be so, with the reason.
    """
    from evaluation.dataset import Dataset
    from evaluation.evaluate import evaluate as compare
    from evaluation.report_table import table_lines
    from evaluation.result import as_json
    from jobs.progress import ProgressLine
    from pipeline.storage import Store

    if radius_px is not None and not radius_px > 0:
        raise ConfigError(f"--radius-px {radius_px}: must be above 0")
    if radius_px is not None and match == MatchBy.BOX:
        raise ConfigError("--radius-px is the distance of heads; leave it out with --match box")
    arguments = {
        "--json": json_file,
        "--html": html_file,
        "--body-model": body_model,
        "--smpl-model": smpl_model,
        "--smplx-to-smpl": smplx_to_smpl,
        "--h36m-regressor": h36m_regressor,
        "--match": match.value,
        "--radius-px": radius_px,
    }
    for path in (json_file, html_file):
        if path is not None and not path.absolute().parent.is_dir():
            raise ConfigError(f"{path}: its folder does not exist. Choose another place")
    given = [f"{name}={value}" for name, value in arguments.items() if value is not None]
    with ProgressLine("evaluate") as progress:
        evaluation = compare(
            Dataset(Store(pred)),
            Dataset(Store(truth)),
            match=match.value,
            radius_px=radius_px,
            body=_read_body(body_model),
            smpl=_read_smpl(smplx_to_smpl, smpl_model, h36m_regressor, body_model),
            command=shlex.join(["h3r", "evaluate", pred, truth, *given]),
            on_video=lambda done, total: progress.show(done, total, "videos"),
        )
    text = json.dumps(as_json(evaluation), indent=1)
    if json_file == STDOUT:
        typer.echo(text)
    else:
        for line in table_lines(evaluation):
            typer.echo(line)
        if json_file is not None:
            _write(json_file, text + "\n")
    if html_file is not None:
        from evaluation.report_html import render_html

        _write(html_file, render_html(evaluation))


def _read_body(path: Path | None) -> "BodyModel | None":
    if path is None:
        return None
    from human3r_model.body import BodyModel

    return BodyModel.from_file(path)


def _read_smpl(
    transfer: Path | None, model: Path | None, regressor: Path | None, body_model: Path | None
) -> "SmplBodies | None":
    if transfer is None and model is None and regressor is None:
        return None
    if transfer is None or model is None or body_model is None:
        raise ConfigError(
            "a truth of SMPL takes three files: give --body-model, --smpl-model and --smplx-to-smpl"
        )
    from evaluation.smpl import SmplBodies

    return SmplBodies.from_files(transfer, model, regressor)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error}. Choose another place") from error
