"""One window of frames through the network, as it is used, and everything it got wrong.

Letters: B clips, T steps, F = B * T frames, P people (flat), C decoder channels.
"""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn

from human3r_model.body import BodyModel
from human3r_model.config import ModelConfig
from human3r_model.model import Human3R
from human3r_model.seats import assign_seats
from human3r_model.tracking import empty_tracks
from human3r_model.values import Features, HeadSelection, People, Prediction, State
from training.clips import MOST_PEOPLE
from training.forward import Encoded, Tokens, seat, seat_nobody
from training.joint_maps import Grid, JointMap
from training.losses import (
    camera_losses,
    detection_loss,
    focal_loss,
    joints_px,
    mask_loss,
    matching_loss,
    offset_loss,
    points_loss,
    pose_losses,
    true_points,
)
from training.motion_maps import MotionMap
from training.stream import Batch, Scenery
from training.surface_maps import SurfaceMap

WEIGHTS = {
    "detection": 2.0,
    "offset": 0.5,
    "mask": 1.0,
    "orient": 1.0,
    "body_pose": 2.0,
    "hands": 0.2,
    "joints": 10.0,
    "head": 20.0,
    "ray": 10.0,
    "shape": 0.5,
    "camera_t": 10.0,
    "camera_r": 4.0,
    "motion_maps": 1.0,
    "points": 4.0,
    "focal": 1.0,
    "matching": 0.5,
    "joint_maps": 0.5,
    "surface_maps": 4.0,
}


SAMPLE_PX = 2
"""Of the body's surface one pixel in so many is asked for, across and down."""


@dataclass(frozen=True, eq=False)
class Memory:
    """What B clips carry from window to window, without gradients.

    Attributes:
        state: The network's.
        known: Their people.
    """

    state: State
    known: "Acquaintances"


@dataclass(frozen=True, eq=False)
class Acquaintances:
    """Who of B clips' A actors has been seen.

    Attributes:
        tokens: [B, A, C] decoded human token when last seen.
        is_known: [B, A].
    """

    tokens: Tensor
    is_known: Tensor


@dataclass(frozen=True, eq=False)
class Outcome:
    """One window's losses and predictions.

    Attributes:
        losses: By name, unweighted.
        score_logits: [F, G*G].
        predictions: One a step, of B clips; points where they were asked for.
        people: Everybody in all of them.
        truth: The same people as they are.
        memory: For the next window.
    """

    losses: dict[str, Tensor]
    score_logits: Tensor
    predictions: list[Prediction]
    people: People
    truth: People
    memory: Memory


def weighted_sum(losses: dict[str, Tensor]) -> Tensor:
    """What is minimised."""
    return torch.stack([WEIGHTS[name] * loss for name, loss in losses.items()]).sum()


class TeacherMaps(nn.Module):
    """Maps of joints and of the body's surface on each backbone, of motion on decoded patches."""

    def __init__(self, config: ModelConfig) -> None:
        """Build them for the tokens of `config`'s backbones."""
        super().__init__()
        self.dino_joints = JointMap(config.dino_dim)
        self.image_joints = JointMap(config.enc_dim)
        self.dino_surface = SurfaceMap(config.dino_dim, config.dino_patch_size // SAMPLE_PX)
        self.image_surface = SurfaceMap(config.enc_dim, config.patch_size // SAMPLE_PX)
        self.motion = MotionMap(config.dec_dim)


def run_window(
    model: Human3R,
    maps: TeacherMaps,
    body: BodyModel,
    batch: Batch,
    tokens: Tokens,
    memory: Memory | None,
    dense_steps: set[int],
) -> Outcome:
    """Run T steps of B clips, TTT3R on.

    Args:
        model: The network.
        maps: The teacher's aid.
        body: For the joints.
        batch: Frames and truth.
        tokens: What both backbones make of the frames.
        memory: Of the previous window; None where all clips begin.
        dense_steps: Steps whose points are predicted and judged; not empty.
    """
    num_steps = len(batch.frames) // len(batch.is_start)
    seen = seat(model, tokens, batch.cells)
    state, known = _begin(model, batch.is_start, memory)
    losses: dict[str, list[Tensor]] = {}

    def add(values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            losses.setdefault(name, []).append(value)

    predictions, told = [], []
    for step in range(num_steps):
        rows = _rows(batch, step)
        heads = HeadSelection(pointmap=step in dense_steps)
        prediction, state, patches = _step(model, seen.features.select(rows), state, heads)
        predictions.append(prediction)
        told.append(_people_of(batch, rows))
        add(_scene_losses(maps, model.config, batch, rows, prediction, patches))
        matching, known = _match(prediction.people, batch.actor[told[-1]], state, known)
        if matching is not None:
            add({"matching": matching})
    means = {name: torch.stack(values).mean() for name, values in losses.items()}
    people = _join([prediction.people for prediction in predictions])
    order = torch.cat(told)
    true_people = _truth(batch, order, people)
    config = model.config
    means |= {
        "detection": detection_loss(seen.score_logits, batch.score),
        "offset": offset_loss(seen.features.detections, batch.padded_head_px, config),
        "mask": mask_loss(seen.mask_logits, (batch.person > 0).float(), config),
        **_map_losses(maps, config, seen, batch, true_people, order, body),
        **pose_losses(people, true_people, body),
    }
    carried = Memory(_detach(state), replace(known, tokens=known.tokens.detach()))
    return Outcome(means, seen.score_logits, predictions, people, true_people, carried)


def run_scenery(
    model: Human3R,
    maps: TeacherMaps,
    scenery: Scenery,
    tokens: Tokens,
    memory: Memory | None,
    dense_steps: set[int],
) -> tuple[dict[str, Tensor], Memory]:
    """Run T steps of B clips in which nobody is found, TTT3R on.

    Args:
        model: The network.
        maps: The teacher's aid.
        scenery: Frames and truth.
        tokens: What the image encoder makes of the frames.
        memory: As `run_window` takes it.
        dense_steps: Steps whose points are predicted and judged.

    Returns:
        Losses by name, unweighted, of cameras and points; and the memory for the next window.
    """
    seen = seat_nobody(model, tokens)
    state, known = _begin(model, scenery.is_start, memory)
    losses: dict[str, list[Tensor]] = {}
    for step in range(len(scenery.frames) // len(scenery.is_start)):
        rows = _rows(scenery, step)
        heads = HeadSelection(pointmap=step in dense_steps)
        prediction, state, patches = _step(model, seen.select(rows), state, heads)
        told = _scene_losses(maps, model.config, scenery, rows, prediction, patches)
        for name, value in told.items():
            losses.setdefault(name, []).append(value)
    means = {name: torch.stack(values).mean() for name, values in losses.items()}
    return means, Memory(_detach(state), known)


def _rows(scenery: Scenery, step: int) -> Tensor:
    """[B] where in the batch each clip's frame of this step is."""
    num_clips = len(scenery.is_start)
    num_steps = len(scenery.frames) // num_clips
    return torch.arange(num_clips, device=scenery.frames.device) * num_steps + step


def _step(
    model: Human3R, features: Features, state: State, heads: HeadSelection
) -> tuple[Prediction, State, Tensor]:
    """The network's step, and the decoded patches [B, L, C] besides."""
    decoded: list[Tensor] = []
    hook = model.dec_norm.register_forward_hook(lambda _module, _given, out: decoded.append(out))
    try:
        prediction, state = model.step(features, state, heads=heads)
    finally:
        hook.remove()
    return prediction, state, decoded[0][:, 1 : 1 + features.image_tokens.shape[1]]


def _scene_losses(
    maps: TeacherMaps,
    config: ModelConfig,
    scenery: Scenery,
    rows: Tensor,
    prediction: Prediction,
    patches: Tensor,
) -> dict[str, Tensor]:
    """What one step of B clips says of cameras, and of points where it says anything of them."""
    pose, focal_px = scenery.world_from_camera[rows], scenery.focal_px[rows]
    depth_m = scenery.depth_m[rows].float()
    losses = {}
    if not scenery.is_single:  # single frames say nothing of how a camera moves
        grid = _picture_grid(config, (depth_m.shape[1], depth_m.shape[2]))
        is_still = scenery.person[rows] == 0
        losses = camera_losses(prediction.camera_pose, pose)
        losses["motion_maps"] = maps.motion.loss(patches, grid, depth_m, pose, focal_px, is_still)
    if prediction.pointmap is not None and prediction.confidence is not None:
        truth, is_valid = true_points(depth_m, focal_px), depth_m > 0
        if not isinstance(scenery, Batch):  # the depth is that of the scene behind people
            is_valid &= scenery.person[rows] == 0
        losses["points"] = points_loss(prediction.pointmap, prediction.confidence, truth, is_valid)
        losses["focal"] = focal_loss(prediction.pointmap, focal_px)
    return losses


def _picture_grid(config: ModelConfig, image_size_hw: tuple[int, int]) -> Grid:
    """How the image encoder's patches lie on the picture."""
    height, width = image_size_hw
    return Grid(height // config.patch_size, width // config.patch_size, config.patch_size)


def _begin(model: Human3R, is_start: Tensor, memory: Memory | None) -> tuple[State, Acquaintances]:
    """The state the window starts from: fresh where a clip begins."""
    num_clips = len(is_start)
    fresh = model.initial_state(num_clips)
    if memory is None:
        nobody = fresh.tokens.new_zeros(num_clips, MOST_PEOPLE, model.config.dec_dim)
        return fresh, Acquaintances(nobody, nobody.new_zeros(nobody.shape[:2], dtype=torch.bool))
    where = is_start[:, None, None]
    state = replace(
        fresh,
        tokens=torch.where(where, fresh.tokens, memory.state.tokens),
        memory=torch.where(where, fresh.memory, memory.state.memory),
        is_first=is_start,
    )
    return state, replace(memory.known, is_known=memory.known.is_known & ~is_start[:, None])


def _detach(state: State) -> State:
    """The state without its history; people are remembered by `Memory.known` instead."""
    return replace(
        state,
        tokens=state.tokens.detach(),
        memory=state.memory.detach(),
        initial_tokens=state.initial_tokens.detach(),
        initial_memory=state.initial_memory.detach(),
        tracks=empty_tracks(len(state), state.tokens, state.tokens.shape[-1]),
    )


def _people_of(batch: Batch, rows: Tensor) -> Tensor:
    """[P'] places in the batch of the people of one frame a clip, clips in order."""
    return (rows[:, None] == batch.cells[:, 0][None]).nonzero()[:, 1]


def _match(
    people: People, actor: Tensor, state: State, known: Acquaintances
) -> tuple[Tensor | None, Acquaintances]:
    """Judge each clip's matching of this frame to who was seen before, and remember this frame.

    The tracker's memory starts with the people of the frame, in their order.
    """
    seats = assign_seats(people.clip_index, len(state))
    columns = state.tracks.tokens[:, : seats.is_taken.shape[1]]
    whom = torch.arange(MOST_PEOPLE, device=actor.device)
    column_actor = seats.pad(actor + 1) - 1  # nobody's is -1
    is_same = (column_actor[:, None] == whom[:, None]) & known.is_known[:, :, None]
    both = known.is_known.any(dim=1) & seats.is_taken.any(dim=1)
    loss = None
    if both.any():
        rows = known.tokens[both], columns[both], known.is_known[both], seats.is_taken[both]
        loss = matching_loss(*rows, is_same[both])
    place = (people.clip_index, actor)
    return loss, Acquaintances(
        tokens=known.tokens.index_put(place, seats.gather(columns)),
        is_known=known.is_known.index_put(place, torch.ones_like(actor, dtype=torch.bool)),
    )


def _map_losses(
    maps: TeacherMaps,
    config: ModelConfig,
    seen: Encoded,
    batch: Batch,
    truth: People,
    order: Tensor,
    body: BodyModel,
) -> dict[str, Tensor]:
    """The maps of both backbones; `order` [P] says where each of `truth` is in the batch."""
    height, width = seen.features.image_size_hw
    longest = max(height, width)
    square = Grid(
        config.dino_grid,
        config.dino_grid,
        longest / config.dino_grid,
        ((longest - width) // 2, (longest - height) // 2),
    )
    picture = _picture_grid(config, (height, width))
    frame = batch.cells[order, 0]
    xy_px = joints_px(truth, body, batch.focal_px[frame], (height, width))
    dino, image = seen.dino_tokens, seen.features.image_tokens
    return {
        "joint_maps": maps.dino_joints.loss(dino, square, frame, xy_px)
        + maps.image_joints.loss(image, picture, frame, xy_px),
        "surface_maps": maps.dino_surface.loss(dino, square, batch.person, batch.surface)
        + maps.image_surface.loss(image, picture, batch.person, batch.surface),
    }


def _join(parts: list[People]) -> People:
    names = [field.name for field in fields(People)]
    return People(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def _truth(batch: Batch, order: Tensor, people: People) -> People:
    """The true people in the order of the predicted ones."""
    return replace(
        people,
        rotations=batch.rotations[order],
        betas=batch.betas[order],
        expression=torch.zeros_like(people.expression),
        head_position=batch.head_position[order],
    )
