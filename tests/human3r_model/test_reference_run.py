"""Reference files: what may be absent, what is refused, how resets are counted."""

import numpy as np
import pytest
import torch

from human3r_model.errors import InputError
from human3r_model.reference_fill import fill_tensor
from human3r_model.reference_run import (
    CLASSIFIER_BIAS,
    read_reference,
    run_reference,
    summarise_run,
)
from tests.human3r_model.reference import new_tiny_model

FRAMES = np.full((3, 16, 32, 3), 90, dtype=np.uint8)
POSE = np.zeros(7, dtype=np.float32)


def save(tmp_path, **arrays):
    path = tmp_path / "file.npz"
    np.savez(path, **arrays)
    return path


def test_everything_but_frames_and_an_output_may_be_absent(tmp_path):
    reference = read_reference(save(tmp_path, frames=FRAMES, **{"000/camera_pose": POSE}))
    assert reference.classifier_bias is None
    assert reference.reset_interval is None
    assert reference.ttt3r is None
    assert reference.dense_stride == 1
    assert list(reference.steps) == [0]
    assert reference.run == {}
    assert reference.unknown_settings == ()


def test_the_run_as_a_whole_is_an_output_too(tmp_path):
    reference = read_reference(save(tmp_path, frames=FRAMES, steps=3, made_by="them"))
    assert reference.run["steps"] == 3
    assert reference.unknown_settings == ("made_by",)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"frames": FRAMES}, "no outputs to compare"),
        ({"frames": FRAMES, "000/rgb": FRAMES[0]}, "no outputs to compare"),
        ({"frames": FRAMES, "000/smpl_hair": POSE}, r"unknown outputs \['smpl_hair'\]"),
        ({"frames": np.array([{}], dtype=object)}, "not a readable .npz file"),
        ({"frames": FRAMES, "reset_interval": 0, "steps": 3}, "reset_interval is 0"),
        ({"frames": FRAMES, "dense_stride": -1, "steps": 3}, "dense_stride is -1"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, arrays, words):
    with pytest.raises(InputError, match=words):
        read_reference(save(tmp_path, **arrays))


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04 cut short"])
def test_unreadable_files_are_named(tmp_path, content):
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.npz: not a readable"):
        read_reference(path)
    with pytest.raises(InputError, match=r"absent\.npz: not a readable"):
        read_reference(tmp_path / "absent.npz")


@pytest.mark.parametrize(
    ("interval", "kept", "num_steps"),
    [(None, [0, 1, 2], 3), (2, [0, 1, 3], 4), (3, [0, 1, 2], 4), (1, [0, 2, 4], 6)],
)
def test_the_frame_of_a_reset_is_run_twice_and_kept_once(tmp_path, interval, kept, num_steps):
    arrays = {"frames": FRAMES, "steps": 3} | ({"reset_interval": interval} if interval else {})
    reference = read_reference(save(tmp_path, **arrays))
    steps = list(run_reference(new_tiny_model(-1.0), reference, ttt3r=True))
    summary = summarise_run(steps)
    assert summary["steps"] == num_steps
    assert summary["kept_steps"].tolist() == kept
    assert summary["camera_to_world"].shape == (3, 4, 4)


def test_a_file_without_classifier_bias_has_the_fills(tmp_path):
    model = new_tiny_model(-1.0)
    for arrays, bias in (({"classifier_bias": -2.0}, -2.0), ({}, None)):
        path = save(tmp_path, frames=FRAMES[:1], steps=1, **arrays)
        list(run_reference(model, read_reference(path), ttt3r=True))
        expected = fill_tensor(CLASSIFIER_BIAS, (1,)) if bias is None else np.float32([bias])
        assert torch.equal(model.get_parameter(CLASSIFIER_BIAS), torch.from_numpy(expected))


def test_a_file_without_frames_is_no_run(tmp_path):
    assert read_reference(save(tmp_path, pointmap=FRAMES, focal=POSE)) is None
