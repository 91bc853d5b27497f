"""`h3r bench precision`: what 16 bits change, on frames of videos, against float32.

Both networks go through the same clips side by side, each with a state of its own, so differences
add up over a clip as they do in a job. Speed is `bench model`'s.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.machine import read_machine
from bench.pictures import network_pictures
from bench.report import BenchReport, Figure
from human3r_model.body import BodyModel
from human3r_model.compiled import compile_trunk
from human3r_model.config import PRESETS, Precision
from human3r_model.geometry import pose_to_matrix
from human3r_model.model import Human3R
from human3r_model.people import SCORE_MARGIN
from human3r_model.precision import set_precision, set_products
from human3r_model.reference_fill import build_reference_model
from human3r_model.values import Prediction
from human3r_model.weights import load_model
from pipeline.models import choose_device, device_name
from pipeline.probe import probe_video

MARGIN = 0.02
"""A frame counts where no float32 score of a peak is so near the threshold."""
LEAST_EQUAL = 0.995
MOST_JOINTS_MM, MOST_CAMERA_MM, MOST_CAMERA_DEG, MOST_DEPTH_PERCENT = 2.0, 1.0, 0.05, 0.3


@dataclass(frozen=True)
class PrecisionOptions:
    """What is compared.

    Attributes:
        videos: Local files; the first frames of each are a clip.
        weights: Weight file; None fills `preset` as the reference files' networks are.
        preset: Architecture without weights.
        precision: Held against float32.
        body_model: Of the joints.
        num_frames: Of each video, at most.
        device: "cpu", "cuda", or "auto".
        is_compiled: Whether the network held against float32 is compiled.
    """

    videos: tuple[Path, ...]
    weights: Path | None
    preset: str | None
    precision: Precision
    body_model: Path
    num_frames: int = 60
    device: str = "auto"
    is_compiled: bool = False


@dataclass(frozen=True)
class _Differences:
    """What was found, frame by frame; people of frames with equal detections."""

    num_people: list[int] = field(default_factory=list)
    is_clear: list[bool] = field(default_factory=list)
    is_equal: list[bool] = field(default_factory=list)
    joints_mm: list[NDArray[np.float32]] = field(default_factory=list)
    from_pelvis_mm: list[NDArray[np.float32]] = field(default_factory=list)
    camera_mm: list[float] = field(default_factory=list)
    camera_deg: list[float] = field(default_factory=list)
    depth_percent: list[float] = field(default_factory=list)
    has_same_ids: list[bool] = field(default_factory=list)


def bench_precision(
    options: PrecisionOptions, on_progress: Callable[[str], None] = lambda text: None
) -> BenchReport:
    """Compare; `on_progress` is told what comes next."""
    machine = read_machine()
    device = choose_device(options.device)
    on_progress("loading the networks")
    exact, rounded = (_load(options, device) for _ in range(2))
    set_precision(rounded, options.precision)
    if options.is_compiled:
        compile_trunk(rounded)
    body = BodyModel.from_file(options.body_model, device)
    found = _Differences()
    with torch.inference_mode():
        for number, video in enumerate(options.videos):
            on_progress(f"video {number + 1} of {len(options.videos)}")
            info = probe_video(str(video), str(video))
            shown = network_pictures(str(video), info, exact.config.long_side, options.num_frames)
            pictures = np.stack(list(shown))
            frames = torch.from_numpy(pictures).to(device)
            _compare(exact, rounded, options.precision, frames, body, found)
    return BenchReport(
        bench="precision",
        machine=machine,
        settings={
            "network": exact.config.name + ("" if options.weights else ", reference fill"),
            "device": device_name(device),
            "precision": options.precision,
            "compiled": options.is_compiled,
            "videos": len(options.videos),
            "frames": len(found.is_equal),
            "people": sum(found.num_people),
        },
        figures=tuple(_figures(found)),
        not_measured=()
        if found.joints_mm
        else ("bodies: no frame with people had equal detections",),
    )


def _figures(found: _Differences) -> Iterator[Figure]:
    clear = [equal for equal, counts in zip(found.is_equal, found.is_clear, strict=True) if counts]
    if clear:
        yield Figure(
            "frames with equal detections",
            "share",
            (float(np.mean(clear)),),
            at_least=LEAST_EQUAL,
            note=f"of {len(clear)} whose scores are farther than {MARGIN} from the threshold",
        )
    yield Figure("likewise, of all", "share", (float(np.mean(found.is_equal)),))
    if found.joints_mm:
        yield Figure("of these, with equal ids", "share", (float(np.mean(found.has_same_ids)),))
        yield _median("joints from the pelvis", "mm", found.from_pelvis_mm, MOST_JOINTS_MM)
        yield _median("joints from the camera", "mm", found.joints_mm, MOST_JOINTS_MM)
    yield _median("camera's place", "mm", [np.array(found.camera_mm)], MOST_CAMERA_MM)
    yield _median("camera's turn", "deg", [np.array(found.camera_deg)], MOST_CAMERA_DEG)
    yield _median("depth", "%", [np.array(found.depth_percent)], MOST_DEPTH_PERCENT)


def _median(name: str, unit: str, values: list[NDArray], at_most: float) -> Figure:
    return Figure(f"{name}: median difference", unit, (_middle(values),), at_most=at_most)


def _middle(values: list[NDArray]) -> float:
    return float(np.median(np.concatenate(values)))


def _load(options: PrecisionOptions, device: str) -> Human3R:
    if options.weights is not None:
        return load_model(options.weights, device).model
    assert options.preset is not None
    return build_reference_model(PRESETS[options.preset]).to(device)


def _compare(
    exact: Human3R,
    rounded: Human3R,
    precision: Precision,
    pictures: Tensor,
    body: BodyModel,
    found: _Differences,
) -> None:
    """Go through one clip with both; products of float32 are the process's, so in turns."""
    states = [network.initial_state(1) for network in (exact, rounded)]
    for picture in pictures:
        set_products("float32")
        features = exact.encode(picture[None])
        ours, states[0] = exact.step(features, states[0])
        threshold, peaks = exact.config.detection_threshold, features.score_map
        is_near = (peaks > SCORE_MARGIN) & ((peaks - threshold).abs() < MARGIN)
        found.is_clear.append(not is_near.any().item())
        set_products(precision)
        theirs, states[1] = rounded.step(rounded.encode(picture[None]), states[1])
        set_products("float32")  # both bodies are placed exactly, as a job does on the CPU
        _compare_frame(ours, theirs, body, found)


def _compare_frame(
    ours: Prediction, theirs: Prediction, body: BodyModel, found: _Differences
) -> None:
    one, other = ours.people, theirs.people
    is_equal = torch.equal(one.patch, other.patch)
    found.num_people.append(len(one.patch))
    found.is_equal.append(is_equal)
    if is_equal and len(one.patch):
        joints, others = (
            body.place_skeletons(p.rotations, p.betas, p.expression, p.head_position).joints
            for p in (one, other)
        )
        found.joints_mm.append(_distances_mm(joints, others))
        found.from_pelvis_mm.append(_distances_mm(joints - joints[:, :1], others - others[:, :1]))
        found.has_same_ids.append(torch.equal(one.track_id, other.track_id))
    pose, other_pose = (pose_to_matrix(p.camera_pose)[0].double() for p in (ours, theirs))
    found.camera_mm.append(1000 * (pose[:3, 3] - other_pose[:3, 3]).norm().item())
    turn = pose[:3, :3].T @ other_pose[:3, :3]
    found.camera_deg.append(torch.rad2deg(_angle(turn)).item())
    assert ours.pointmap is not None
    assert theirs.pointmap is not None
    depth, other_depth = ours.pointmap[..., 2], theirs.pointmap[..., 2]
    relative = (other_depth - depth).abs() / depth.abs()
    found.depth_percent.append(100 * relative.median().item())


def _distances_mm(joints: Tensor, others: Tensor) -> NDArray[np.float32]:
    return (1000 * (joints - others).norm(dim=-1)).flatten().cpu().numpy()


def _angle(turn: Tensor) -> Tensor:
    """Of a rotation [3, 3], radians, exact near zero, where the arc cosine is not."""
    sine = torch.stack([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    return torch.atan2(sine.norm() / 2, (turn.trace() - 1) / 2)
