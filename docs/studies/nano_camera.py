"""How much of nano's pose head is switched on, frame by frame: why its camera stands still.

Run: python docs/studies/nano_camera.py WEIGHTS VIDEO

Shows, for every tenth frame, the greatest value of the hidden layer before its GELU, and the
camera's translation and quaternion. Where all are far below zero, no gradient passes.
"""

import sys
from pathlib import Path

import torch

from human3r_model.preprocess import image_geometry, prepare_image
from human3r_model.weights import load_model
from pipeline.decode import DecodedFrame, decode_frames
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
    geometry = image_geometry(info.width, info.height, model.config.long_side)
    frames = decode_frames(
        video,
        video,
        info.frame_pts,
        width=info.width,
        height=info.height,
        has_timestamps=info.has_timestamps,
    )
    state = model.initial_state(1)
    with torch.inference_mode():
        for index, frame in enumerate(frames):
            assert isinstance(frame, DecodedFrame)
            picture = torch.from_numpy(prepare_image(frame.rgb, geometry))
            prediction, state = model.step(model.encode(picture[None]), state)
            if index % EVERY == 0:
                pose = " ".join(f"{value:.4f}" for value in prediction.camera_pose[0].tolist())
                print(f"frame {index}: at most {hidden[-1].max():.2f}; {pose}")


if __name__ == "__main__":
    main()
