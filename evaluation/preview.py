"""Collect one labelled frame: its picture, people and depth, and its clip seen from above.

Reads committed tables and decodes a single frame. Must not know how anything is drawn.
Letters: T frames of the clip, K rows of a track, N people, H and W source pixels, F faces.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from evaluation.clip_arrays import POSE_COLUMNS
from evaluation.frame_rows import find_frame_rows
from evaluation.overlay import PaintedPerson, Skin
from human3r_model.body import BodyModel
from human3r_model.geometry import axis_angle_to_matrix, quaternion_to_matrix
from pipeline.decode import LostFrame, decode_frames
from pipeline.depth import read_depth_frame
from pipeline.errors import DecodeError, PlanError, SourceError
from pipeline.run_file import UNTRAINED_NOTE, read_run
from pipeline.storage import Store, open_media
from pipeline.uris import join_uri, normalise_uri, split_uri


@dataclass(frozen=True, eq=False)
class FromAbove:
    """A clip in its world: x right, y down, z forward of the camera it begins with; metres.

    Attributes:
        camera_path: [T, 3].
        camera: [3] where the camera is at the frame.
        view_edges: [2, 3] from the camera along the left and the right edge of its picture, world;
            None where the clip has no focal length.
        people_paths: Path [K, 3] of the head of every track of the clip, by track id.
        people: Head [3] of everybody in the frame, by track id.
    """

    camera_path: NDArray[np.float64]
    camera: NDArray[np.float64]
    view_edges: NDArray[np.float64] | None
    people_paths: dict[int, NDArray[np.float64]]
    people: dict[int, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class DepthPicture:
    """The depth of one frame, and where it lies over the source picture, which it may not fill.

    Attributes:
        depth_m: [h, w] metres, NaN where there is none.
        edges_px: Left, right, upper and lower edge, source pixels.
    """

    depth_m: NDArray[np.float32]
    edges_px: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Preview:
    """One labelled frame.

    Attributes:
        uri: The video's name.
        frame_index: Source frame.
        time_s: Its presentation time.
        labels: What made the labels, in words.
        rgb: [H, W, 3] the source picture.
        people: Everybody in it.
        faces: [F, 3] of their skins; None without a body model.
        depth: Its depth; None where none was written.
        from_above: Its clip.
    """

    uri: str
    frame_index: int
    time_s: float
    labels: str
    rgb: NDArray[np.uint8]
    people: tuple[PaintedPerson, ...]
    faces: NDArray[np.int64] | None
    depth: DepthPicture | None
    from_above: FromAbove


def read_preview(
    store: Store,
    uri: str,
    frame_index: int | None = None,
    source: str | None = None,
    body: BodyModel | None = None,
) -> Preview:
    """Read one frame of `store` with everything that is drawn of it.

    Args:
        store: OUT.
        uri: The video, as the tables name it.
        frame_index: Source frame; None for the middle one of those sampled.
        source: Folder that the videos' names are relative to, or a file in it; None for where
            run.json says.
        body: Gives people a skin; without it they have joints, or only a head, as the tables do.

    Raises:
        ConfigError: OUT has no such video or no labels of that frame; says what it has.
        SourceError: The video is not in its place, or another one is.
        H3RError: OUT or the video cannot be read.
    """
    rows = find_frame_rows(store, uri, frame_index)
    skins = _skins(rows.people, rows.frame, body) if body is not None else {}
    untrained = f" ({UNTRAINED_NOTE})" if rows.clip["is_untrained"] else ""
    return Preview(
        uri=uri,
        frame_index=rows.frame["frame_index"],
        time_s=rows.frame["time_s"],
        labels=f"{rows.clip['model_preset']}{untrained}",
        rgb=_decode_frame(_source_root(store, source), rows.video, rows.frame["pts"]),
        people=tuple(_painted(row, skins.get(row["track_id"])) for row in rows.people),
        faces=body.faces if body is not None else None,
        depth=_read_depth(store, rows.frame),
        from_above=_from_above(rows.clip_frames, rows.clip_people, rows.frame, rows.video["width"]),
    )


def _source_root(store: Store, source: str | None) -> str:
    if source is None:
        run = read_run(store)
        if run is None:
            raise PlanError(f"{store.uri}: has no run.json. Say with --source where the videos are")
        return run.source
    root = normalise_uri(source)
    return root if Store(root).is_folder() else split_uri(root)[0]


def _decode_frame(root: str, video: dict, pts: int) -> NDArray[np.uint8]:
    """[H, W, 3] of the one frame; only of a video as long in bytes as the one annotated."""
    uri = join_uri(root, video["uri"])
    folder, name = split_uri(uri)
    stored = Store(folder).info(name)
    if stored is None:
        raise SourceError(f"{uri}: no such video. Say with --source where the videos are now")
    if stored.size_bytes != video["size_bytes"]:
        raise SourceError(
            f"{uri}: {stored.size_bytes} bytes, but the video that was annotated has "
            f"{video['size_bytes']}. Say with --source where that one is"
        )
    with open_media(uri) as (media, _):
        frame = next(
            decode_frames(
                media,
                video["uri"],
                [pts],
                width=video["width"],
                height=video["height"],
                has_timestamps=video["has_timestamps"],
            )
        )
    if isinstance(frame, LostFrame):
        raise DecodeError(f"{uri}: the frame at time stamp {pts} cannot be had: {frame.reason}")
    return frame.rgb


def _skins(people: list[dict], frame: dict, body: BodyModel) -> dict[int, Skin]:
    """The skin of everybody with labels, by track id, seen with the clip's focal length."""
    labelled = [row for row in people if row["is_finite"]]
    if not labelled or frame["clip_fx"] is None:
        return {}
    poses = [np.concatenate([row[name] for name in POSE_COLUMNS]) for row in labelled]
    placed = body.place(
        axis_angle_to_matrix(torch.from_numpy(np.asarray(poses, np.float32)).view(-1, 53, 3)),
        torch.tensor([row["betas"] for row in labelled]),
        torch.tensor([row["expression"] for row in labelled]),
        torch.tensor([row["head_position"] for row in labelled]),
    )
    focal_px = np.array([frame["clip_fx"], frame["clip_fy"]])
    centre_px = np.array([frame["cx"], frame["cy"]])
    skins = {}
    for row, vertices in zip(labelled, placed.vertices.numpy(), strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            vertices_px = vertices[:, :2] / vertices[:, 2:] * focal_px + centre_px
        skins[row["track_id"]] = Skin(vertices, vertices_px)
    return skins


def _painted(row: dict, skin: Skin | None) -> PaintedPerson:
    def points(name: str) -> NDArray[np.float64] | None:
        return None if row[name] is None else np.asarray(row[name]).reshape(-1, 2)

    return PaintedPerson(
        track_id=row["track_id"],
        score=row["score"],
        head_px=np.asarray(row["head_px"]),
        box_px=points("box_px"),
        joints_px=points("joints_2d"),
        skin=skin,
    )


def _read_depth(store: Store, frame: dict) -> DepthPicture | None:
    if frame["depth_file"] is None:
        return None
    payload = store.read_range(
        frame["depth_file"], frame["depth_byte_offset"], frame["depth_byte_length"]
    )
    width, height = frame["depth_width"], frame["depth_height"]
    depth_m = read_depth_frame(payload, frame["depth_codec_header"], width, height)
    edges_px = [
        (edge - frame[f"depth_shift_{axis}_px"]) / frame[f"depth_px_per_source_px_{axis}"]
        for axis, side in (("x", width), ("y", height))
        for edge in (-0.5, side - 0.5)
    ]
    left, right, top, bottom = edges_px
    return DepthPicture(depth_m, (left, right, top, bottom))


def _from_above(frames: pa.Table, people: pa.Table, frame: dict, width: int) -> FromAbove:
    labelled = people.filter(people["head_position_world"].is_valid())
    track_id = labelled["track_id"].to_numpy()
    is_here = labelled["frame_index"].to_numpy() == frame["frame_index"]
    heads = _vectors(labelled, "head_position_world")
    return FromAbove(
        camera_path=_vectors(frames, "camera_position"),
        camera=np.asarray(frame["camera_position"]),
        view_edges=_view_edges(frame, width),
        people_paths={int(track): heads[track_id == track] for track in np.unique(track_id)},
        people=dict(zip(track_id[is_here].tolist(), heads[is_here], strict=True)),
    )


def _view_edges(frame: dict, width: int) -> NDArray[np.float64] | None:
    if frame["clip_fx"] is None:
        return None
    edges_px = np.array([-0.5, width - 0.5])
    rays = np.stack([(edges_px - frame["cx"]) / frame["clip_fx"], [0.0, 0.0], [1.0, 1.0]], axis=1)
    rotation = quaternion_to_matrix(torch.tensor(frame["camera_rotation"], dtype=torch.float64))
    return rays @ rotation.numpy().T


def _vectors(table: pa.Table, column: str) -> NDArray[np.float64]:
    """[rows, 3] of a column of triples."""
    return np.array(table[column].to_pylist(), np.float64).reshape(-1, 3)
