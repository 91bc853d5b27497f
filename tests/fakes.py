"""Small classes that stand in for what is slow, or does not fail when asked to."""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from human3r_model.body import BodyModel
from human3r_model.config import PRESETS, ModelConfig
from human3r_model.values import HeadSelection, People, Prediction
from human3r_model.weights import LoadedModel
from pipeline.models import Models
from pipeline.storage import Store
from tests.synthetic import read_code

Code = tuple[int, int]
"""(video, frame) as `tests.synthetic` draws it into the picture."""

FAKE_WEIGHTS = "f" * 64


@dataclass(frozen=True)
class FakeFeatures:
    """What the fake network saw: a code a frame."""

    codes: tuple[Code, ...]
    size_hw: tuple[int, int]

    def select(self, frames: Tensor) -> "FakeFeatures":
        return replace(self, codes=tuple(self.codes[i] for i in frames.tolist()))


@dataclass(frozen=True)
class FakeState:
    """The codes each clip has been stepped through, in order."""

    seen: tuple[tuple[Code, ...], ...]

    def select(self, clips: Tensor) -> "FakeState":
        return FakeState(tuple(self.seen[i] for i in clips.tolist()))


OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory")


@dataclass
class FakeHuman3R:
    """A network that reads the code in the picture and answers labels that spell it.

    Of video v and frame f: the camera stands at (v, f, steps of the clip so far), the focal length
    is 40 + v, depth is 2 + v + f / 64 metres, confidence 2 + f. Person p has betas (v, f, p, 0...),
    expression (ttt3r, 0...) and its head at ((v + p) / 10, f^3 / 1000, 3).

    Attributes:
        num_people: Persons in a frame, by code; track ids are 0, 1, ...
        breaks_at: Codes it raises on.
        nan_camera_at: Codes with a camera that is not finite.
        nan_betas_at: Codes whose person 0 has betas that are not finite.
        most_frames: Frames that fit into its memory at once.
        loses_device_at: Codes that the GPU fails on.
        out_of_memory: What is raised when frames do not fit.
    """

    num_people: Callable[[int, int], int] = lambda video, frame: (video + frame) % 3
    breaks_at: Set[Code] = frozenset()
    nan_camera_at: Set[Code] = frozenset()
    nan_betas_at: Set[Code] = frozenset()
    most_frames: int = 1000
    loses_device_at: Set[Code] = frozenset()
    out_of_memory: Exception = OUT_OF_MEMORY
    config: ModelConfig = field(default=replace(PRESETS["tiny"], long_side=64))
    batch_sizes: list[int] = field(default_factory=list)

    def parameters(self) -> Iterator[Tensor]:
        yield torch.zeros(1)

    def encode(self, frames: Tensor, heads: HeadSelection) -> FakeFeatures:
        if len(frames) > self.most_frames:
            raise self.out_of_memory
        codes = tuple(read_code(picture) for picture in frames.numpy())
        if self.loses_device_at & set(codes):
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
        return FakeFeatures(codes, tuple(frames.shape[1:3]))

    def initial_state(self, batch_size: int) -> FakeState:
        return FakeState(((),) * batch_size)

    def step(
        self, features: FakeFeatures, state: FakeState, *, ttt3r: bool, heads: HeadSelection
    ) -> tuple[Prediction, FakeState]:
        codes = features.codes
        self.batch_sizes.append(len(codes))
        for code, seen in zip(codes, state.seen, strict=True):
            if code in self.breaks_at:
                raise RuntimeError(f"cannot take {code}")
            assert not seen or (seen[-1][0] == code[0] and seen[-1][1] < code[1]), (seen, code)
        poses = [
            [video, frame, len(seen), 1.0, 0.0, 0.0, 0.0]
            for (video, frame), seen in zip(codes, state.seen, strict=True)
        ]
        camera_pose = torch.tensor(poses, dtype=torch.float32)
        camera_pose[[code in self.nan_camera_at for code in codes]] = torch.nan
        seen = tuple((*old, code) for old, code in zip(state.seen, codes, strict=True))
        prediction = Prediction(
            camera_pose=camera_pose,
            pointmap=torch.stack([fake_pointmap(code, features.size_hw) for code in codes]),
            confidence=torch.stack(
                [torch.full(features.size_hw, 2.0 + frame) for _, frame in codes]
            ),
            world_pointmap=None,
            world_confidence=None,
            masks=None,
            people=self._people(codes, ttt3r),
        )
        return prediction, FakeState(seen)

    def _people(self, codes: tuple[Code, ...], ttt3r: bool) -> People:
        found = [
            (clip, person, *code)
            for clip, code in enumerate(codes)
            for person in range(self.num_people(*code))
        ]
        clip, person, video, frame = torch.tensor(found, dtype=torch.int64).reshape(-1, 4).T
        betas = torch.zeros(len(found), 10)
        betas[:, :3] = torch.stack([video, frame, person], dim=1).float()
        betas[[person == 0 and tuple(c) in self.nan_betas_at for _, person, *c in found]] = (
            torch.nan
        )
        expression = torch.zeros(len(found), 10)
        expression[:, 0] = float(ttt3r)
        head_position = torch.stack(
            [(video + person) / 10, frame**3 / 1000, torch.full(video.shape, 3.0)], dim=1
        )
        return People(
            clip_index=clip,
            track_id=person,
            score=torch.full(video.shape, 0.75),
            head_px=torch.stack([video, person], dim=1).float(),
            padded_head_px=torch.zeros(len(found), 2),
            patch=torch.zeros(len(found), 2, dtype=torch.int64),
            rotations=torch.eye(3).expand(len(found), 53, 3, 3).clone(),
            betas=betas,
            expression=expression,
            head_position=head_position.float(),
        )


def fake_pointmap(code: Code, size_hw: tuple[int, int]) -> Tensor:
    """[H, W, 3] metres: a wall of constant depth, through a pinhole of focal length 40 + v."""
    video, frame = code
    height, width = size_hw
    rows, columns = torch.meshgrid(
        torch.arange(height) - height // 2, torch.arange(width) - width // 2, indexing="ij"
    )
    rays = torch.stack([columns, rows, torch.full(size_hw, 40 + video)], dim=-1)
    return rays / (40.0 + video) * (2 + video + frame / 64)


def fake_models(
    network: FakeHuman3R | None = None,
    body: BodyModel | None = None,
    weights_sha256: str = FAKE_WEIGHTS,
) -> Models:
    """The fake as a worker takes it."""
    network = network or FakeHuman3R()
    loaded = LoadedModel(network, network.config, weights_sha256, True, "a fake")  # type: ignore[arg-type]
    return Models(loaded, body, "cpu")


class CarelessStore(Store):
    """An object store that ignores the condition of a conditional PUT: the last writer wins."""

    def create(self, path: str, data: bytes) -> bool:
        self.write(path, data)
        return True


class ForgetfulStore(Store):
    """A store that, asked to `create` a second time, takes its own object for another's."""

    def create(self, path: str, data: bytes) -> bool:
        super().create(path, data)
        return False
