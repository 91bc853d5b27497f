"""`h3r preview OUT --video URI -o FILE`: look at the labels of one frame."""

import json
from typing import Annotated

import typer

from jobs.options import AsJson, Out


def preview(
    out: Out,
    video: Annotated[str, typer.Option(help="The video, as the tables name it.")],
    output: Annotated[str, typer.Option("--output", "-o", help="The picture to write, a .png.")],
    frame: Annotated[
        int | None, typer.Option(min=0, help="Source frame. Default: the middle one.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Where the videos are now. Default: where they were annotated."),
    ] = None,
    body_model: Annotated[
        str | None,
        typer.Option(
            help="SMPL-X model file (.npz), a path or uri: draws bodies. Without it skeletons, "
            "where the labels have any, or heads."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a labelled frame: people over the picture, the depth, and the clip from above."""
    from evaluation.plots import preview_png
    from evaluation.preview import read_preview
    from human3r_model.body import BodyModel
    from pipeline.report import printable
    from pipeline.storage import Store, fetch_to_local
    from pipeline.uris import split_uri

    body = BodyModel.from_file(fetch_to_local(body_model)) if body_model is not None else None
    drawn = read_preview(Store(out), video, frame, source, body)
    folder, name = split_uri(output)
    Store(folder).write(name, preview_png(drawn))
    facts = {
        "picture": output,
        "video": video,
        "frame_index": drawn.frame_index,
        "time_s": drawn.time_s,
        "num_people": len(drawn.people),
    }
    line = (
        f"{output}: {video}, frame {drawn.frame_index} at {drawn.time_s:.2f} s, "
        f"people: {len(drawn.people)}"
    )
    typer.echo(json.dumps(facts) if as_json else printable(line))
