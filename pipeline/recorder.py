"""Gathers one clip's predictions, frame by frame; dense depth is compressed as it comes."""

import time

import numpy as np
from numpy.typing import NDArray

from human3r_model.preprocess import ImageGeometry
from pipeline.depth import DEPTH_MAX_M, DEPTH_UNIT_M, DepthWriter
from pipeline.errors import AnnotateError
from pipeline.labels import DEPTH_STRIDE, ClipLabels, FrameLabels, ModelFrame, PeopleLabels

NUM_ROTATIONS = 53


class ClipRecorder:
    """Takes the predictions of a clip's frames in order; `finish` gives the labels."""

    def __init__(
        self, geometry: ImageGeometry, principal_px: tuple[float, float], *, has_depth: bool
    ) -> None:
        """Start a clip.

        Args:
            geometry: Between the source picture and the network's.
            principal_px: x, y of the principal point, in the network's picture.
            has_depth: Whether depth maps are kept as an object.
        """
        self._geometry = geometry
        self._principal_px = principal_px
        self._depth = DepthWriter(geometry.width, geometry.height) if has_depth else None
        self._frames: list[tuple] = []
        self._people: list[dict[str, NDArray]] = []
        self._coarse_depth_m: list[NDArray[np.float32]] = []
        self._decode_s = self._network_s = self._depth_s = 0.0

    @property
    def num_frames(self) -> int:
        """Frames added so far."""
        return len(self._frames)

    def add(
        self,
        frame: ModelFrame,
        time_s: float,
        world_from_camera: NDArray[np.float32],
        focal_px: float,
        confidence: float,
        depth_m: NDArray[np.float32],
        people: dict[str, NDArray],
    ) -> None:
        """Take one frame's prediction.

        Args:
            frame: The frame it is for.
            time_s: Its presentation time.
            world_from_camera: [7] translation and quaternion.
            focal_px: In the network's picture; not finite or not positive where there is none.
            confidence: Mean of the pointmap's confidence.
            depth_m: [H, W] metres; not positive or not finite where there is none.
            people: The fields of `PeopleLabels` but `frame`, for this frame alone.

        Raises:
            AnnotateError: The camera is not finite; nothing after it can be trusted.
        """
        if not np.isfinite(world_from_camera).all():
            raise AnnotateError(
                f"frame {frame.clip_frame} of the clip: the network's camera is not finite "
                f"({world_from_camera.tolist()})"
            )
        self._decode_s += frame.decode_s
        began = time.perf_counter()
        is_valid = (depth_m > DEPTH_UNIT_M) & (depth_m <= DEPTH_MAX_M)
        if self._depth is not None:
            self._depth.add(depth_m, time_s)
        coarse = (slice(None, None, DEPTH_STRIDE),) * 2
        self._coarse_depth_m.append(np.where(is_valid[coarse], depth_m[coarse], np.nan))
        statistics = _statistics(depth_m[is_valid], depth_m.size)
        self._depth_s += time.perf_counter() - began
        num_people = len(people["track_id"])
        self._people.append({"frame": np.full(num_people, len(self._frames)), **people})
        self._frames.append(
            (
                frame.clip_frame,
                frame.is_corrupt,
                world_from_camera,
                focal_px,
                confidence,
                *statistics,
            )
        )

    def add_network_seconds(self, seconds: float) -> None:
        """Count this clip's share of a batch's time."""
        self._network_s += seconds

    def finish(self, num_lost: int) -> ClipLabels:
        """The labels; call once, after the last frame, of which there is at least one."""
        began = time.perf_counter()
        depth = self._depth.finish() if self._depth is not None else None
        self._depth_s += time.perf_counter() - began
        return ClipLabels(
            geometry=self._geometry,
            principal_px=self._principal_px,
            frames=self._frame_labels(),
            people=self._people_labels(),
            depth=depth,
            coarse_depth_m=np.stack(self._coarse_depth_m),
            num_lost=num_lost,
            decode_s=self._decode_s,
            network_s=self._network_s,
            depth_s=self._depth_s,
        )

    def _frame_labels(self) -> FrameLabels:
        columns = list(zip(*self._frames, strict=True))
        focal_px = np.asarray(columns[3], np.float32)
        return FrameLabels(
            clip_frame=np.asarray(columns[0], np.int32),
            is_corrupt=np.asarray(columns[1], np.bool_),
            world_from_camera=np.asarray(columns[2], np.float32),
            focal_px=np.where(np.isfinite(focal_px) & (focal_px > 0), focal_px, np.nan),
            confidence=np.asarray(columns[4], np.float32),
            depth_valid_fraction=np.asarray(columns[5], np.float32),
            depth_min_m=np.asarray(columns[6], np.float32),
            depth_median_m=np.asarray(columns[7], np.float32),
            depth_max_m=np.asarray(columns[8], np.float32),
        )

    def _people_labels(self) -> PeopleLabels:
        def joined(name: str, dtype: type, *shape: int) -> NDArray:
            parts = [people[name] for people in self._people]
            return np.concatenate(parts).astype(dtype).reshape(-1, *shape)

        return PeopleLabels(
            frame=joined("frame", np.int64),
            track_id=joined("track_id", np.int32),
            score=joined("score", np.float32),
            head_px=joined("head_px", np.float32, 2),
            rotations=joined("rotations", np.float32, NUM_ROTATIONS, 3, 3),
            betas=joined("betas", np.float32, 10),
            expression=joined("expression", np.float32, 10),
            head_position=joined("head_position", np.float32, 3),
        )


def _statistics(valid_m: NDArray[np.float32], num_pixels: int) -> tuple[float, float, float, float]:
    """(valid fraction, min, median, max) of a depth map's valid pixels."""
    if not len(valid_m):
        return 0.0, np.nan, np.nan, np.nan
    return (
        len(valid_m) / num_pixels,
        float(valid_m.min()),
        float(np.median(valid_m)),
        float(valid_m.max()),
    )
