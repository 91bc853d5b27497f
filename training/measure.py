"""What a network in training gets right on clips it never saw, in the field's units.

People sit at their true patches here, so that figures of one training compare with those of
another; what users get, detection included, is what `h3r evaluate` measures.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from human3r_model.body import BodyModel
from human3r_model.geometry import pose_to_matrix
from human3r_model.model import Human3R
from training.forward import look
from training.losses import body_joints
from training.objective import Memory, Outcome, TeacherMaps, run_window, weighted_sum
from training.stream import Batch, ClipStream

THRESHOLD = 0.3


@torch.no_grad()
def measure(
    model: Human3R, maps: TeacherMaps, body: BodyModel, stream: ClipStream, num_windows: int
) -> dict[str, float]:
    """Mean losses and errors over the first windows of a stream, the same ones every time.

    Args:
        model: The network.
        maps: The teacher's aid, for the loss.
        body: For the joints.
        stream: Held-out clips, not augmented.
        num_windows: How many.

    Returns:
        `loss` (weighted), `f1` (people found, a patch off counts), `mpjpe_mm` (21 body joints
        relative to the pelvis), `head_m` (distance of the head joint, camera), `absrel` (depth, one
        median scale a frame), `camera_m` (distance of the camera from where it is, clip world) and
        `camera_deg` (how far it is turned from how it is).
        Means over what there was of each; the head's is a median.
    """
    stream.begin(0)
    memory: Memory | None = None
    loss, head, counts, absrel, joints = [], [], torch.zeros(3), [], []
    camera, turned = [], []
    for _ in range(num_windows):
        batch = stream.next().to(model.pose_token.device)
        tokens = look(model, batch.frames)
        outcome = run_window(model, maps, body, batch, tokens, memory, {0})
        memory = outcome.memory
        loss.append(weighted_sum(outcome.losses).item())
        joints.append(_joint_distances(outcome, body).flatten())
        distance = (outcome.people.head_position - outcome.truth.head_position).norm(dim=-1)
        head.append(distance)
        counts += _counts(outcome.score_logits.sigmoid(), batch.score, model.config.dino_grid)
        absrel += _depth_errors(outcome, batch)
        errors = _camera_errors(outcome, batch)
        camera += errors["m"]
        turned += errors["deg"]
    hits, found, there = counts.tolist()
    return {
        "loss": float(np.mean(loss)),
        "f1": 2 * hits / max(found + there, 1),
        "mpjpe_mm": 1000 * torch.cat(joints).mean().item(),
        "head_m": torch.cat(head).median().item(),
        "absrel": float(np.mean(absrel)),
        "camera_m": float(np.mean(camera)),
        "camera_deg": float(np.mean(turned)),
    }


def _joint_distances(outcome: Outcome, body: BodyModel) -> Tensor:
    return (body_joints(outcome.people, body) - body_joints(outcome.truth, body)).norm(dim=-1)


def _counts(score: Tensor, truth: Tensor, grid: int) -> Tensor:
    """People found where they are, people found, people there; what does not count is left out."""
    score, truth = (values.view(-1, 1, grid, grid) for values in (score, truth))
    is_peak = (F.max_pool2d(score, 3, 1, 1) == score) & (score >= THRESHOLD)
    is_ignored = F.max_pool2d((truth < 0).float(), 3, 1, 1) > 0
    near_truth = F.max_pool2d((truth == 1).float(), 3, 1, 1) > 0
    near_peak = F.max_pool2d(is_peak.float(), 3, 1, 1) > 0
    is_there = truth == 1
    hits = (is_there & near_peak).sum()
    false = (is_peak & ~near_truth & ~is_ignored).sum()
    return torch.stack([hits, hits + false, is_there.sum()]).float().cpu()


def _depth_errors(outcome: Outcome, batch: Batch) -> list[float]:
    first = outcome.predictions[0].pointmap
    assert first is not None
    num_steps = len(outcome.predictions)
    errors = []
    for depth, truth in zip(first[..., 2], batch.depth_m[::num_steps].float(), strict=True):
        is_valid = truth > 0
        if not is_valid.any():
            continue
        guess, real = depth[is_valid], truth[is_valid]
        scaled = guess * (real.median() / guess.median())
        errors.append(((scaled - real).abs() / real).mean().item())
    return errors


def _camera_errors(outcome: Outcome, batch: Batch) -> dict[str, list[float]]:
    """Metres and degrees between the cameras that are told and those there were."""
    num_steps = len(outcome.predictions)
    errors: dict[str, list[float]] = {"m": [], "deg": []}
    for step, prediction in enumerate(outcome.predictions):
        guess = pose_to_matrix(prediction.camera_pose)
        truth = batch.world_from_camera[step::num_steps]
        errors["m"] += (guess[:, :3, 3] - truth[:, :3, 3]).norm(dim=-1).tolist()
        turn = guess[:, :3, :3].transpose(1, 2) @ truth[:, :3, :3]
        cosine = (turn.diagonal(dim1=1, dim2=2).sum(-1) - 1) / 2
        errors["deg"] += cosine.clamp(-1, 1).arccos().rad2deg().tolist()
    return errors
