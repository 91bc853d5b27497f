"""Options and arguments that several verbs share."""

from typing import Annotated, Any

import typer

Src = Annotated[
    str,
    typer.Argument(
        metavar="SRC",
        help="Folder, video, .txt/.csv/.parquet list of videos, or an fsspec uri of one (s3://…).",
    ),
]
Out = Annotated[
    str, typer.Argument(metavar="OUT", help="Folder or uri (s3://…) that holds the dataset.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]

_PLAN = "What is annotated (fixed by the first run on OUT)"
Fps = Annotated[
    float | None,
    typer.Option(
        help="Frames a second to annotate, at most. Default: the source's rate, capped at 30.",
        rich_help_panel=_PLAN,
    ),
]
MaxClipFrames = Annotated[
    int | None,
    typer.Option(
        help="Frames of a clip at most; neighbours share one. Default: 100.",
        rich_help_panel=_PLAN,
    ),
]
MaxShardFrames = Annotated[
    int | None,
    typer.Option(
        help="Frames of a shard (what is scheduled and committed at once) at most. Default: "
        "200 to 1000, by the size of the corpus.",
        rich_help_panel=_PLAN,
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option(
        help="Glob pattern of names to take, whatever their suffix; may be given again.",
        rich_help_panel=_PLAN,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        help="Glob pattern of names to leave out; may be given again.", rich_help_panel=_PLAN
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(help="At most this many videos, the first by name.", rich_help_panel=_PLAN),
]

FollowLinks = Annotated[
    bool | None,
    typer.Option(
        help="Take videos that links lead to outside of SRC; else they fail. Default: off.",
        rich_help_panel=_PLAN,
    ),
]


def plan_fields(
    fps: float | None,
    max_clip_frames: int | None,
    max_shard_frames: int | None,
    include: list[str] | None,
    exclude: list[str] | None,
    limit: int | None,
    follow_links: bool | None,
) -> dict[str, Any]:
    """The fields of `PlanConfig` that the user gave."""
    given = {
        "fps": fps,
        "max_clip_frames": max_clip_frames,
        "max_shard_frames": max_shard_frames,
        "include": tuple(include) if include else None,
        "exclude": tuple(exclude) if exclude else None,
        "limit": limit,
        "follow_links": follow_links,
    }
    return {name: value for name, value in given.items() if value is not None}
