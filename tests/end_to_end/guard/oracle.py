"""A network that knows the world: it tells the frame by its picture and answers what is true.

It speaks as Human3R does: the world is the camera of the clip's first frame, quaternions are
(w, x, y, z), bodies stand in the camera's frame, heads are pixels of the model picture.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation
from torch import Tensor

from human3r_model.config import PRESETS, ModelConfig
from human3r_model.values import HeadSelection, People, Prediction
from tests.end_to_end.guard.world import TrueVideo

Sight = tuple[str, int]
"""(video, frame) that a picture shows."""

BLOCK_PX = 4  # pictures are compared by the brightness of such blocks: there, noise fades
MOST_DISTANCE = 3.0  # of 255, root mean square; a video encoded once more is measured at 1.3
LEAST_MARGIN = 1.3  # the second nearest is so many times farther


@dataclass(frozen=True)
class Placement:
    """How a model picture lies over a source picture: the long side resized, the middle kept."""

    scale_xy: NDArray[np.float64]  # source pixels a model pixel
    crop_xy: NDArray[np.float64]  # resized pixels left out on the left and above
    size: tuple[int, int]  # width and height of the model picture

    @classmethod
    def of(cls, video: TrueVideo, long_side: int) -> "Placement":
        source = np.array([video.width, video.height])
        resized = np.round(source * long_side / source.max())
        width, height = (resized // 16 * 16).astype(int).tolist()
        return cls(source / resized, (resized - (width, height)) / 2, (width, height))

    def source_from_model(self, xy: NDArray) -> NDArray[np.float64]:
        return (xy + self.crop_xy + 0.5) * self.scale_xy - 0.5

    def model_from_source(self, xy: NDArray) -> NDArray[np.float64]:
        return (xy + 0.5) / self.scale_xy - 0.5 - self.crop_xy


@dataclass(frozen=True)
class OracleFeatures:
    """What was seen, a sight a frame."""

    sights: tuple[Sight, ...]
    size_hw: tuple[int, int]

    def select(self, frames: Tensor) -> "OracleFeatures":
        return replace(self, sights=tuple(self.sights[i] for i in frames.tolist()))


@dataclass(frozen=True)
class OracleState:
    """The sight each clip began with; None before."""

    first: tuple[Sight | None, ...]

    def select(self, clips: Tensor) -> "OracleState":
        return OracleState(tuple(self.first[i] for i in clips.tolist()))


@dataclass
class OracleHuman3R:
    """Stands in for Human3R in front of the videos of a world."""

    videos: Mapping[str, TrueVideo]
    config: ModelConfig = field(default=replace(PRESETS["tiny"], long_side=192))

    def __post_init__(self) -> None:
        self._gallery: dict[tuple[int, int], tuple[list[Sight], NDArray[np.float32]]] = {}

    def parameters(self) -> Iterator[Tensor]:
        yield torch.zeros(1)

    def encode(self, frames: Tensor, heads: HeadSelection) -> OracleFeatures:
        height, width = frames.shape[1:3]
        sights = tuple(self._recognise(picture) for picture in frames.numpy())
        return OracleFeatures(sights, (height, width))

    def initial_state(self, batch_size: int) -> OracleState:
        return OracleState((None,) * batch_size)

    def step(
        self, features: OracleFeatures, state: OracleState, *, ttt3r: bool, heads: HeadSelection
    ) -> tuple[Prediction, OracleState]:
        sights = features.sights
        first = tuple(old or new for old, new in zip(state.first, sights, strict=True))
        poses = [self._pose(start, sight) for start, sight in zip(first, sights, strict=True)]
        pointmaps = [self._pointmap(sight, features.size_hw) for sight in sights]
        prediction = Prediction(
            camera_pose=torch.tensor(np.array(poses), dtype=torch.float32),
            pointmap=torch.tensor(np.array(pointmaps), dtype=torch.float32),
            confidence=torch.full((len(sights), *features.size_hw), 2.0),
            world_pointmap=None,
            world_confidence=None,
            masks=None,
            people=self._people(sights),
        )
        return prediction, OracleState(first)

    def _recognise(self, picture: NDArray[np.uint8]) -> Sight:
        """The frame whose picture is nearest, by far, and near."""
        height, width = picture.shape[:2]
        sights, blocks = self._known(width, height)
        distances = (
            np.square(blocks - _brightness(Image.fromarray(picture))).mean(axis=(1, 2)) ** 0.5
        )
        order = np.argsort(distances)[:2]
        nearest, second = distances[order]
        if nearest > MOST_DISTANCE or second <= LEAST_MARGIN * nearest:
            raise ValueError(
                f"a picture of {width}x{height} is no frame of this world: {nearest:.1f} and "
                f"{second:.1f} grey levels from {[sights[i] for i in order]}"
            )
        return sights[order[0]]

    def _known(self, width: int, height: int) -> tuple[list[Sight], NDArray[np.float32]]:
        """All frames that a model picture of that size may show, and the brightness of blocks."""
        if (width, height) not in self._gallery:
            sights, blocks = [], []
            for uri, video in self._originals().items():
                place = Placement.of(video, self.config.long_side)
                if place.size != (width, height):
                    continue
                corners = place.source_from_model(np.array([(0, 0), place.size]) - 0.5) + 0.5
                for index, frame in enumerate(video.frames):
                    picture = Image.fromarray(frame.shown).resize(
                        place.size, Image.Resampling.LANCZOS, box=tuple(corners.ravel())
                    )
                    sights.append((uri, index))
                    blocks.append(_brightness(picture))
            if not sights:
                raise ValueError(f"no frame of this world is shown as {width}x{height}")
            self._gallery[width, height] = sights, np.array(blocks)
        return self._gallery[width, height]

    def _originals(self) -> dict[str, TrueVideo]:
        """The videos, each once: copies show the same."""
        return {uri: video for video, uri in {v: u for u, v in self.videos.items()}.items()}

    def _pose(self, first: Sight, sight: Sight) -> NDArray[np.float64]:
        """[7] world_from_camera, the world being the camera of `first`."""
        start, now = (self.videos[uri].frames[i].world_from_camera for uri, i in (first, sight))
        pose = np.linalg.inv(start) @ now
        quaternion = Rotation.from_matrix(pose[:3, :3]).as_quat(canonical=True, scalar_first=True)
        return np.concatenate([pose[:3, 3], quaternion])

    def _pointmap(self, sight: Sight, size_hw: tuple[int, int]) -> NDArray[np.float64]:
        """[H, W, 3] camera: rays through the pixels' centres, depth of the nearest source pixel."""
        uri, index = sight
        video = self.videos[uri]
        rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
        place = Placement.of(video, self.config.long_side)
        xy = place.source_from_model(np.stack([columns, rows], axis=-1))
        nearest = np.rint(xy).astype(int)
        z = video.frames[index].depth_m[nearest[..., 1], nearest[..., 0]][..., None]
        rays = (xy - _middle(video)) / video.focal_px
        return np.concatenate([rays * z, z], axis=-1)

    def _people(self, sights: tuple[Sight, ...]) -> People:
        found = [
            (clip, actor, self._person(uri, index, actor))
            for clip, (uri, index) in enumerate(sights)
            for actor in self.videos[uri].frames[index].seen
        ]

        def joined(name: str, *shape: int) -> Tensor:
            values = [person[name] for _, _, person in found]
            return torch.tensor(np.array(values), dtype=torch.float32).reshape(-1, *shape)

        return People(
            clip_index=torch.tensor([clip for clip, _, _ in found], dtype=torch.int64),
            track_id=torch.tensor([actor for _, actor, _ in found], dtype=torch.int64),
            score=torch.ones(len(found)),
            head_px=joined("head_px", 2),
            padded_head_px=torch.zeros(len(found), 2),
            patch=torch.zeros(len(found), 2, dtype=torch.int64),
            rotations=joined("rotations", 53, 3, 3),
            betas=joined("betas", 10),
            expression=torch.zeros(len(found), 10),
            head_position=joined("head_position", 3),
        )

    def _person(self, uri: str, index: int, actor: int) -> dict[str, NDArray]:
        """One person in the camera's frame; the head's pixel is not clamped into the picture."""
        video = self.videos[uri]
        pose, person = video.frames[index].world_from_camera, video.actors[actor]
        head = pose[:3, :3].T @ (person.head_position[index] - pose[:3, 3])
        rotations = person.rotations[index].copy()
        rotations[0] = pose[:3, :3].T @ rotations[0]
        head_px = video.focal_px * head[:2] / head[2] + _middle(video)
        place = Placement.of(video, self.config.long_side)
        return {
            "rotations": rotations,
            "betas": person.betas,
            "head_position": head,
            "head_px": place.model_from_source(head_px),
        }


def _brightness(picture: Image.Image) -> NDArray[np.float32]:
    """The mean of each block."""
    return np.asarray(picture.convert("L").reduce(BLOCK_PX), np.float32)


def _middle(video: TrueVideo) -> NDArray[np.float64]:
    return np.array([video.width - 1, video.height - 1]) / 2
