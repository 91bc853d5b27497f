"""The values that travel between the rooms of this package: frozen, no behaviour beyond slicing.

Letters: F frames, B clips, P people (flat over the batch, ordered by frame or clip), L patches of
a picture, C channels, S state tokens, M memory slots, R remembered people, G DINOv2 patches a side.
"Model picture": the picture handed to `encode`, pixel centres at integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class HeadSelection:
    """Which optional heads run.

    Args:
        pointmap: Points of every pixel in the camera's frame (their z is depth).
        world_pointmap: Points of every pixel in the world's frame.
        masks: Probability that a pixel shows a person.
    """

    pointmap: bool = True
    world_pointmap: bool = False
    masks: bool = False


@dataclass(frozen=True)
class Detections:
    """People found in F frames, flat; nobody is P = 0.

    Args:
        frame_index: `[P]` int64, ascending.
        score: `[P]` in (0, 1).
        head_px: `[P, 2]` x, y in the model picture, clamped into it.
        padded_head_px: `[P, 2]` x, y in DINOv2's padded square, as regressed.
        patch: `[P, 2]` int64 row, column of the encoder patch under the head.
        dino_token: `[P, C_dino]`.
        human_token: `[P, C_dec]`, the fused token that enters the decoder.
    """

    frame_index: Tensor
    score: Tensor
    head_px: Tensor
    padded_head_px: Tensor
    patch: Tensor
    dino_token: Tensor
    human_token: Tensor

    def select(self, frames: Tensor) -> "Detections":
        """Keep the people of the given frames `[F']` (int64), renumbered in that order."""
        new_frame, person = (frames[:, None] == self.frame_index[None]).nonzero(as_tuple=True)
        return Detections(
            frame_index=new_frame,
            score=self.score[person],
            head_px=self.head_px[person],
            padded_head_px=self.padded_head_px[person],
            patch=self.patch[person],
            dino_token=self.dino_token[person],
            human_token=self.human_token[person],
        )


@dataclass(frozen=True)
class Features:
    """What `encode` knows of F frames of one size, without any history.

    Args:
        image_size_hw: Height and width of the model picture.
        image_tokens: `[F, L, C_enc]`.
        score_map: `[F, G, G]` detection score where it is its 3x3 maximum, else 0.
        masks: `[F, 14 G, 14 G]` person probability in DINOv2's padded square, or None.
        detections: People found.
    """

    image_size_hw: tuple[int, int]
    image_tokens: Tensor
    score_map: Tensor
    masks: Tensor | None
    detections: Detections

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.image_tokens)

    def __getitem__(self, frames: slice) -> "Features":
        """Keep a contiguous run of frames."""
        indices = torch.arange(len(self), device=self.image_tokens.device)
        return self.select(indices[frames])

    def select(self, frames: Tensor) -> "Features":
        """Keep the given frames `[F']` (int64), in that order."""
        return Features(
            image_size_hw=self.image_size_hw,
            image_tokens=self.image_tokens[frames],
            score_map=self.score_map[frames],
            masks=None if self.masks is None else self.masks[frames],
            detections=self.detections.select(frames),
        )

    @staticmethod
    def concatenate(parts: Sequence["Features"]) -> "Features":
        """Join features of equal image size and equal heads, frames in the order given."""
        masks = [part.masks for part in parts if part.masks is not None]
        offsets = torch.tensor([0] + [len(part) for part in parts[:-1]]).cumsum(0).tolist()
        found = [part.detections for part in parts]
        return Features(
            image_size_hw=parts[0].image_size_hw,
            image_tokens=torch.cat([part.image_tokens for part in parts]),
            score_map=torch.cat([part.score_map for part in parts]),
            masks=torch.cat(masks) if len(masks) == len(parts) else None,
            detections=Detections(
                frame_index=torch.cat(
                    [one.frame_index + k for one, k in zip(found, offsets, strict=True)]
                ),
                score=torch.cat([one.score for one in found]),
                head_px=torch.cat([one.head_px for one in found]),
                padded_head_px=torch.cat([one.padded_head_px for one in found]),
                patch=torch.cat([one.patch for one in found]),
                dino_token=torch.cat([one.dino_token for one in found]),
                human_token=torch.cat([one.human_token for one in found]),
            ),
        )


@dataclass(frozen=True)
class TrackMemory:
    """The people each of B clips remembers, newest sighting first, padded to R.

    Args:
        tokens: `[B, R, C_dec]` decoded human tokens.
        ids: `[B, R]` int64 track ids, -1 where padded.
        next_id: `[B]` int64, the id of the next new person; ids are never given twice.
    """

    tokens: Tensor
    ids: Tensor
    next_id: Tensor

    def select(self, clips: Tensor) -> "TrackMemory":
        """Keep the given clips `[B']` (int64), in that order."""
        return TrackMemory(self.tokens[clips], self.ids[clips], self.next_id[clips])

    @staticmethod
    def concatenate(parts: Sequence["TrackMemory"]) -> "TrackMemory":
        """Join clips, padding to the longest memory."""
        longest = max(part.ids.shape[1] for part in parts)
        missing = [longest - part.ids.shape[1] for part in parts]
        pad = torch.nn.functional.pad
        tokens = [pad(p.tokens, (0, 0, 0, k)) for p, k in zip(parts, missing, strict=True)]
        ids = [pad(p.ids, (0, k), value=-1) for p, k in zip(parts, missing, strict=True)]
        next_id = torch.cat([part.next_id for part in parts])
        return TrackMemory(torch.cat(tokens), torch.cat(ids), next_id)


@dataclass(frozen=True)
class State:
    """Everything B clips carry from frame to frame; its size does not depend on their length.

    Args:
        tokens: `[B, S, C_dec]` recurrent state.
        memory: `[B, M, 2 C_dec]` pose memory.
        is_first: `[B]` bool, the next frame is the first (or the first after a reset).
        tracks: Remembered people.
        initial_tokens: `[S, C_dec]`, what `tokens` start from.
        initial_memory: `[M, 2 C_dec]`, what `memory` starts from.
    """

    tokens: Tensor
    memory: Tensor
    is_first: Tensor
    tracks: TrackMemory
    initial_tokens: Tensor
    initial_memory: Tensor

    def __len__(self) -> int:
        """Count the clips."""
        return len(self.tokens)

    def select(self, clips: Tensor) -> "State":
        """Keep the given clips `[B']` (int64), in that order."""
        return replace(
            self,
            tokens=self.tokens[clips],
            memory=self.memory[clips],
            is_first=self.is_first[clips],
            tracks=self.tracks.select(clips),
        )

    def reset(self, clips: Tensor) -> "State":
        """Start a new segment in the clips of a mask `[B]` (bool); their tracks go on."""
        where = clips[:, None, None]
        return replace(
            self,
            tokens=torch.where(where, self.initial_tokens, self.tokens),
            memory=torch.where(where, self.initial_memory, self.memory),
            is_first=self.is_first | clips,
        )

    @staticmethod
    def concatenate(parts: Sequence["State"]) -> "State":
        """Join clips of one model."""
        return replace(
            parts[0],
            tokens=torch.cat([part.tokens for part in parts]),
            memory=torch.cat([part.memory for part in parts]),
            is_first=torch.cat([part.is_first for part in parts]),
            tracks=TrackMemory.concatenate([part.tracks for part in parts]),
        )


@dataclass(frozen=True)
class People:
    """The people of one frame of B clips, flat; nobody is P = 0.

    Args:
        clip_index: `[P]` int64, ascending.
        track_id: `[P]` int64, unique inside a clip's frame.
        score: `[P]` in (0, 1).
        head_px: `[P, 2]` x, y in the model picture, clamped into it.
        padded_head_px: `[P, 2]` x, y in DINOv2's padded square, as regressed.
        patch: `[P, 2]` int64 row, column of the encoder patch under the head.
        rotations: `[P, 53, 3, 3]` SMPL-X: global, 21 body, 15 left hand, 15 right hand, jaw.
        betas: `[P, 10]` shape.
        expression: `[P, 10]`.
        head_position: `[P, 3]` head joint, camera frame, metres.
    """

    clip_index: Tensor
    track_id: Tensor
    score: Tensor
    head_px: Tensor
    padded_head_px: Tensor
    patch: Tensor
    rotations: Tensor
    betas: Tensor
    expression: Tensor
    head_position: Tensor


@dataclass(frozen=True)
class Prediction:
    """What one step says of one frame of each of B clips.

    Args:
        camera_pose: `[B, 7]` world_from_camera: tx ty tz in metres, quaternion w x y z with w >= 0;
            the world is the camera of the segment's first frame.
        pointmap: `[B, H, W, 3]` camera frame, metres, or None when not asked for.
        confidence: `[B, H, W]` > 1, of `pointmap`.
        world_pointmap: `[B, H, W, 3]` world frame, metres, or None when not asked for.
        world_confidence: `[B, H, W]` > 1, of `world_pointmap`.
        masks: `[B, 14 G, 14 G]` person probability in DINOv2's padded square, or None.
        people: Everybody seen.
    """

    camera_pose: Tensor
    pointmap: Tensor | None
    confidence: Tensor | None
    world_pointmap: Tensor | None
    world_confidence: Tensor | None
    masks: Tensor | None
    people: People
