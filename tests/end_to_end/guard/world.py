"""A small filmed world and everything true of it, taken from the scene itself, not from tables.

Letters: T frames of a video, H and W pixels of its displayed picture.
"""

import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from human3r_model.body import BodyModel
from pipeline.storage import Store
from synth.clip_truth import MIN_VISIBLE_FRACTION
from synth.dataset import make_corpus
from synth.filming import make_shot
from synth.layout import TRUTH_FOLDER, VIDEOS_FOLDER
from synth.render import render_shot
from synth.values import Actor
from synth.video_spec import CorpusSpec, VideoSpec, draw_video

SPEC = CorpusSpec(
    seed=580,
    num_videos=4,
    num_frames=6,
    sizes=((250, 140), (208, 156), (140, 250)),
    fps=(8,),
    min_people=2,
    max_people=3,
    variants=("plain", "long", "vfr", "plain"),
    max_clip_frames=6,
)
"""4:3, 16:9 of three clips, portrait with uneven times, 16:9; all cameras move, by this seed.

The sizes are no multiples of what the network sees: every picture is shrunk, with another factor
across than down where it is 250 pixels long, and 16:9 is cropped. Few frames a second, so that
each picture differs from the next.
"""
FOUR_THREE, LONG, PORTRAIT, WIDE = (draw_video(SPEC, index).uri for index in range(4))
TURNED = {"turned/four-three.mp4": (FOUR_THREE, 90), "turned/portrait.mp4": (PORTRAIT, 270)}
"""Videos stored turned back, for the player to turn: what they show, and by how many degrees."""
SPANS = {uri: [(0, 6)] for uri in (FOUR_THREE, PORTRAIT, WIDE, *TURNED)} | {
    LONG: [(0, 6), (5, 11), (10, 15)]
}
"""The clips of every video, by hand: of 6 frames, and of 15 with at most 6 a clip."""


@dataclass(frozen=True, eq=False)
class TrueFrame:
    """One picture and its scene.

    Attributes:
        rendered: [H, W, 3] uint8, before compression.
        shown: [H, W, 3] uint8, as the file shows it.
        depth_m: [H, W] camera z; 0 where there is none.
        world_from_camera: [4, 4].
        seen: Indices of the actors who are to be labelled.
    """

    rendered: NDArray[np.uint8]
    shown: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    world_from_camera: NDArray[np.float64]
    seen: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class TrueVideo:
    """A video of one shot.

    Attributes:
        width: W.
        height: H.
        focal_px: Focal length, pixels of the displayed picture.
        times_s: [T] presentation times.
        actors: Who is there, in the world.
        frames: T pictures.
    """

    width: int
    height: int
    focal_px: float
    times_s: NDArray[np.float64]
    actors: tuple[Actor, ...]
    frames: tuple[TrueFrame, ...]


@dataclass(frozen=True, eq=False)
class World:
    """What was filmed.

    Attributes:
        source: Folder of the videos, the turned ones too.
        truth: The corpus' own truth, of the videos that are not turned.
        videos: What is true of every video, by its name below `source`.
    """

    source: Path
    truth: Store
    videos: dict[str, TrueVideo]


def film_world(folder: Path, body: BodyModel) -> World:
    """Make the corpus `SPEC` and the turned copies of `TURNED`."""
    corpus, source = folder / "corpus", folder / "source"
    make_corpus(str(corpus), SPEC, body.path, num_processes=1)
    shutil.copytree(corpus / VIDEOS_FOLDER, source)
    specs = {spec.uri: spec for spec in (draw_video(SPEC, i) for i in range(SPEC.num_videos))}
    videos = {uri: _look_again(spec, source / uri, body) for uri, spec in specs.items()}
    for uri, (original, rotation_deg) in TURNED.items():
        write_turned(source / original, source / uri, rotation_deg)
        videos[uri] = videos[original]
    return World(source, Store(str(corpus / TRUTH_FOLDER)), videos)


def write_turned(original: Path, path: Path, rotation_deg: int) -> None:
    """Encode a video again, turned back; its display matrix says to turn it clockwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"crf": "12", "preset": "veryfast", "x264-params": "log-level=none"}
    with av.open(str(original)) as reader, av.open(str(path), "w") as writer:
        shown = reader.streams.video[0]
        assert shown.time_base is not None
        stream = writer.add_stream("libx264", rate=shown.average_rate, options=options)
        stream.width, stream.height = shown.height, shown.width
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = shown.time_base
        stream.set_display_rotation(-rotation_deg)
        for frame in reader.decode(shown):
            assert frame.pts is not None
            rgb = np.rot90(frame.to_ndarray(format="rgb24"), rotation_deg // 90)
            writer.mux(stream.encode(_frame(rgb, frame.pts, shown.time_base)))
        writer.mux(stream.encode(None))


def _frame(rgb: NDArray[np.uint8], pts: int, time_base: Fraction) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    frame.pts, frame.time_base = pts, time_base
    return frame


def _look_again(spec: VideoSpec, path: Path, body: BodyModel) -> TrueVideo:
    """The scene of a video of one shot, drawn once more, and what its file shows."""
    (shot_spec,) = spec.shots
    shot = make_shot(spec, shot_spec, body)
    with av.open(str(path)) as reader:
        pictures = [frame.to_ndarray(format="rgb24") for frame in reader.decode(video=0)]
    frames = []
    for rendered, shown in zip(render_shot(shot, body), pictures, strict=True):
        is_labelled = rendered.people.visible_fraction > MIN_VISIBLE_FRACTION
        frames.append(
            TrueFrame(
                rendered.rgb,
                shown,
                rendered.depth_m,
                rendered.world_from_camera,
                tuple(rendered.people.actor[is_labelled].tolist()),
            )
        )
    return TrueVideo(
        width=spec.width,
        height=spec.height,
        focal_px=shot.camera.focal_px,
        times_s=spec.times_s,
        actors=shot.actors,
        frames=tuple(frames),
    )
