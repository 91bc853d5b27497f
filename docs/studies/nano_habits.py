"""Whether nano looks how a picture is foreshortened, and whether colour tells it who is a person.

Run: python docs/studies/nano_habits.py WEIGHTS FOLDER
     FOLDER: of a training's clips of one picture size, such as OUT/held_out/384x216

Some frames of every clip go through the network singly, people at their true patches. Shown is how
the focal length that its points tell goes with the true one, beside always saying the median
(natural logarithms); how far it follows when the middle of the picture is enlarged; and errors of
people as they are, and with a cast of colour on each.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from human3r_model.body import BodyModel
from human3r_model.config import PRESETS
from human3r_model.geometry import estimate_focal_px
from human3r_model.weights import load_model
from training.augment import zoom
from training.clips import TrainingClip, read_frame
from training.forward import look
from training.losses import body_joints
from training.objective import Outcome, TeacherMaps, run_window
from training.stream import single_batch

BODY = Path(__file__).parents[2] / "assets/body/anny_body_smplx_layout.npz"
PLACES = (0, 8, 16)
ZOOMS = (1.0, 1.15, 1.3)
CAST = (0.6, 1.4)


def frame_of(path: Path, place: int) -> TrainingClip:
    """One frame of a clip."""
    return read_frame(path, lambda _: place)


def enlarge(clip: TrainingClip, factor: float) -> TrainingClip:
    """The middle of a picture, as large as the picture was."""
    height, width = clip.frames.shape[1:3]
    return zoom(clip, float(clip.focal_px[0]) * factor, (width, height))


def cast(clip: TrainingClip, rng: np.random.Generator) -> TrainingClip:
    """The clip with each person in a colour of their own, to the pixel."""
    frames = clip.frames.copy()
    for who in np.unique(clip.person[clip.person > 0]):
        tinted = frames[clip.person == who] * rng.uniform(*CAST, 3)
        frames[clip.person == who] = tinted.clip(0, 255).astype(np.uint8)
    return TrainingClip(**(vars(clip) | {"frames": frames}))


def main() -> None:
    """Print a few lines."""
    weights, folder = map(Path, sys.argv[1:3])
    model, rng = load_model(weights, "cpu").model, np.random.default_rng(0)
    maps, body = TeacherMaps(PRESETS["nano"]), BodyModel.from_file(BODY)
    clips = [
        frame_of(path, place) for path in sorted(folder.glob("*.safetensors")) for place in PLACES
    ]

    @torch.inference_mode()
    def run(shown: list[TrainingClip]) -> Outcome:
        batch = single_batch(shown, PRESETS["nano"])
        return run_window(model, maps, body, batch, look(model, batch.frames), None, {0})

    true_px = np.array([clip.focal_px[0] for clip in clips])
    told_px = {}
    for factor in ZOOMS:
        pointmap = run([enlarge(clip, factor) for clip in clips]).predictions[0].pointmap
        assert pointmap is not None
        told_px[factor] = estimate_focal_px(pointmap).numpy()
    wrong, constant = np.log(told_px[1.0] / true_px), np.log(np.median(true_px) / true_px)
    print(
        f"focal length, {len(clips)} frames: correlation "
        f"{np.corrcoef(told_px[1.0], true_px)[0, 1]:.2f}; off {np.median(abs(wrong)):.3f}, "
        f"the median always: {np.median(abs(constant)):.3f}; too long by {np.median(wrong):.3f}"
    )
    for factor in ZOOMS[1:]:
        follows = np.median(told_px[factor] / told_px[1.0])
        print(f"enlarged {factor:g} times: its focal length {follows:.2f} times")
    for name, shown in (("as they are", clips), ("in a cast", [cast(c, rng) for c in clips])):
        outcome = run(shown)
        people, truth = outcome.people, outcome.truth
        joints_mm = 1000 * (body_joints(people, body) - body_joints(truth, body)).norm(dim=-1)
        head_m = (people.head_position - truth.head_position).norm(dim=-1)
        farther = (people.head_position[:, 2] / truth.head_position[:, 2]).log().median()
        print(
            f"people {name}: MPJPE {joints_mm.mean():.1f} mm, head {head_m.median():.3f} m, "
            f"too far by {farther:.3f}, mask {outcome.losses['mask']:.4f}"
        )


if __name__ == "__main__":
    main()
