"""Whether nano's camera turns and moves as the true one does.

Run: python docs/studies/nano_camera.py WEIGHTS FOLDER
     FOLDER: of a training's clips of one picture size, such as OUT/held_out/384x216

Two frames of a clip go through the network: the first, and one later. Shown is, for cameras that
move in one picture (`training/moves.py`), for clips whose camera only turns, and for those whose
camera moves: how the camera of the later frame correlates with the truth, and its median error
beside that of a camera said to stand still.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from human3r_model.geometry import pose_to_matrix
from human3r_model.model import Human3R
from human3r_model.values import HeadSelection
from human3r_model.weights import load_model
from training.clips import read_clip
from training.forward import look, seat_nobody
from training.moves import move_camera

EVERY = 4
LEAST_TURN_DEG = 0.1
AXES = ("pitch", "yaw", "roll", "x", "y", "z")


def motion(pose: np.ndarray) -> np.ndarray:
    """[6] of a pose [4, 4]: its turn about x, y, z in degrees, its way along them in metres."""
    skew = pose[:3, :3] - pose[:3, :3].T
    turn = np.degrees([skew[2, 1], skew[0, 2], skew[1, 0]]) / 2
    return np.concatenate([turn, pose[:3, 3]])


def motion_seen(model: Human3R, frames: np.ndarray) -> np.ndarray:
    """The motion [6] that the network sees between two frames [2, H, W, 3]."""
    tokens = look(model, torch.from_numpy(frames), for_people=False)
    seen, state = seat_nobody(model, tokens), model.initial_state(1)
    for place in range(2):
        prediction, state = model.step(
            seen[place : place + 1], state, heads=HeadSelection(pointmap=False)
        )
    return motion(pose_to_matrix(prediction.camera_pose)[0].double().numpy())


def main() -> None:
    """Print a table."""
    weights, folder = map(Path, sys.argv[1:3])
    model, rng = load_model(weights, "cpu").model, np.random.default_rng(0)
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"made": [], "pans": [], "moves": []}
    with torch.inference_mode():
        for path in sorted(folder.glob("*.safetensors")):
            clip = read_clip(path)
            poses = clip.world_from_camera
            size = (clip.frames.shape[2], clip.frames.shape[1])
            moves = np.linalg.norm(poses[:, :3, 3], axis=1).max() > 1e-4
            for later in range(EVERY, len(poses), EVERY):
                is_person = clip.person[[later, 0]] > 0
                made = move_camera(
                    *(clip.frames[later], clip.depth_m[later], is_person[0]),
                    *((clip.frames[0], is_person[1]), clip.focal_px[later], size, 2, rng),
                )
                found["made"].append(
                    (motion_seen(model, made.frames), motion(made.world_from_camera[1]))
                )
                truth = motion(poses[later])
                if np.abs(truth[:3]).max() > LEAST_TURN_DEG:
                    pair = motion_seen(model, clip.frames[[0, later]]), truth
                    found["moves" if moves else "pans"].append(pair)
    for kind, pairs in found.items():
        guess, truth = (np.array(side) for side in zip(*pairs, strict=True))
        told = ", ".join(
            f"{name} {np.corrcoef(guess[:, axis], truth[:, axis])[0, 1]:.2f}"
            for axis, name in enumerate(AXES)
            if truth[:, axis].std() > 1e-3
        )
        wrong, still = (
            np.median(np.linalg.norm(off[:, :3], axis=1)) for off in (guess - truth, truth)
        )
        print(f"{kind}, {len(pairs)}: correlation {told}; off {wrong:.2f}, still {still:.2f} deg")


if __name__ == "__main__":
    main()
