"""SRC, OUT or models that no job can run with: one message, the right exit code, nothing done."""

import ctypes
import os

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.commands import files_of, h3r, h3r_process
from tests.conftest import FREE_BODY
from tests.human3r_model.checkpoints import save_checkpoint
from tests.synthetic import make_video

TINY = ("--preset", "tiny")
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24


@pytest.fixture
def video(tmp_path):
    """A folder with one good video."""
    folder = tmp_path / "src"
    folder.mkdir()
    make_video(folder / "good.mp4", 2, width=128, height=64)
    return folder


def obey_permissions():
    """Make root, in the process that starts, heed file permissions as everyone else must."""
    if os.geteuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.mark.parametrize("verb", ["plan", "annotate"])
def test_missing_source(tmp_path, verb):
    options = TINY if verb == "annotate" else ()
    answer = h3r(verb, tmp_path / "nowhere", tmp_path / "out", *options)
    assert answer.exit_code == 2
    assert answer.stderr == (
        f"h3r: {tmp_path}/nowhere: no such file or folder. Check the path or uri of SRC\n"
    )
    assert not (tmp_path / "out").exists()


def test_empty_source(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "notes.txt.bak").touch()
    answer = h3r("annotate", tmp_path / "src", tmp_path / "out", *TINY)
    assert answer.exit_code == 2
    assert f"h3r: {tmp_path}/src: no video found" in answer.stderr
    assert not (tmp_path / "out").exists()


def test_a_video_that_may_not_be_read(video, tmp_path):
    make_video(video / "secret.mp4", 2)
    (video / "secret.mp4").chmod(0)
    answer = h3r_process("plan", video, tmp_path / "out", "--json", preexec_fn=obey_permissions)
    assert answer.exit_code == 0, answer.stderr
    assert (answer.json["num_videos"], answer.json["num_videos_failed"]) == (2, 1)


def test_out_that_may_not_be_written(video, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o555)
    answer = h3r_process("plan", video, tmp_path / "locked" / "out", preexec_fn=obey_permissions)
    assert answer.exit_code == 1
    assert f"h3r: {tmp_path}/locked/out/" in answer.stderr
    assert "permission denied" in answer.stderr
    assert "Check the permissions" in answer.stderr


def test_out_that_is_a_file(video, tmp_path):
    (tmp_path / "out").write_text("mine")
    answer = h3r("annotate", video, tmp_path / "out", *TINY)
    assert answer.exit_code == 1
    assert f"h3r: {tmp_path}/out/" in answer.stderr
    assert "A file and a folder have the same name" in answer.stderr
    assert (tmp_path / "out").read_text() == "mine"


def test_source_and_out_the_same(video):
    before = files_of(video)
    answer = h3r("annotate", video, video, *TINY)
    assert answer.exit_code == 2
    assert f"h3r: {video}: no video found outside of OUT" in answer.stderr
    assert files_of(video) == before


def test_out_below_source_is_no_source(video):
    out = video / "a labels"
    assert h3r("plan", video, out, "--limit", 1, "--json").json["num_videos"] == 1
    (out / "depth").mkdir()
    make_video(out / "depth" / "looks like a video.mkv", 2)
    again = h3r("plan", video, out)
    assert again.exit_code == 0
    assert again.stdout == f"{out}: 1 videos (0 cannot be read), 1 clips, 2 frames, 1 shards\n"


def test_weights_that_are_a_pickle(video, tmp_path):
    save_checkpoint(tmp_path / "human3r.pth")
    answer = h3r("annotate", video, tmp_path / "out", "--weights", tmp_path / "human3r.pth")
    assert answer.exit_code == 1
    assert answer.stderr.endswith("h3r convert-weights IN.pth OUT.safetensors\n")
    assert f"h3r: {tmp_path}/human3r.pth: " in answer.stderr


def test_weights_with_other_tensors(video, tmp_path):
    checkpoint, weights = save_checkpoint(tmp_path / "in.pth"), tmp_path / "out.safetensors"
    assert h3r("convert-weights", checkpoint, weights, "--json").json["preset"] == "tiny"
    with safe_open(weights, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(weights)
    tensors["stranger"] = torch.zeros(1)
    del tensors["pose_token"]
    save_file(tensors, weights, metadata)
    answer = h3r("annotate", video, tmp_path / "out", "--weights", weights)
    assert answer.exit_code == 1
    assert f"h3r: {weights}: does not fit tiny" in answer.stderr
    assert "1 missing (pose_token); 1 unexpected (stranger)" in answer.stderr


def test_weights_that_are_not_there(video, tmp_path):
    answer = h3r("annotate", video, tmp_path / "out", "--weights", tmp_path / "gone.safetensors")
    assert answer.exit_code == 1
    assert f"h3r: {tmp_path}/gone.safetensors: no such file" in answer.stderr


def test_a_body_model_of_the_wrong_kind(video, tmp_path):
    arrays = dict(np.load(FREE_BODY))
    arrays["kintree_table"] = arrays["kintree_table"][:, :24]  # SMPL has 24 joints, SMPL-X 55
    np.savez(tmp_path / "smpl.npz", **arrays)
    answer = h3r("annotate", video, tmp_path / "out", *TINY, "--body-model", tmp_path / "smpl.npz")
    assert answer.exit_code == 1
    assert f"h3r: {tmp_path}/smpl.npz: " in answer.stderr
    assert "has 24 joints (SMPL?), not 55" in answer.stderr
