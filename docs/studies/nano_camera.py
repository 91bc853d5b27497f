"""How much of nano's pose head is switched on, frame by frame: why its camera stands still.

Run: python docs/studies/nano_camera.py WEIGHTS VIDEO

Shows, for every tenth frame, the greatest value of the hidden layer before its GELU, and the
camera's translation and quaternion. Where all are far below zero, no gradient passes.
"""

import sys
from pathlib import Path

import torch

from bench.pictures import network_pictures
from human3r_model.weights import load_model
from pipeline.probe import probe_video

EVERY = 10


def main() -> None:
    """Print a line a frame."""
    weights, video = sys.argv[1:3]
    model = load_model(Path(weights), "cpu").model
    hidden: list[torch.Tensor] = []
    layer = model.downstream_head.pose_head.mlp.fc1
    layer.register_forward_hook(lambda _module, _given, out: hidden.append(out))
    info = probe_video(video, video)
    pictures = network_pictures(video, info, model.config.long_side)
    state = model.initial_state(1)
    with torch.inference_mode():
        for index, picture in enumerate(pictures):
            features = model.encode(torch.from_numpy(picture)[None])
            prediction, state = model.step(features, state)
            if index % EVERY == 0:
                pose = " ".join(f"{value:.4f}" for value in prediction.camera_pose[0].tolist())
                print(f"frame {index}: at most {hidden[-1].max():.2f}; {pose}")


if __name__ == "__main__":
    main()
