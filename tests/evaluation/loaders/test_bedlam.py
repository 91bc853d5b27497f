"""BEDLAM: rows become people of sequences; translation is trans_cam and cam_ext's together."""

import numpy as np
import pytest

from evaluation.loaders.errors import TruthError
from evaluation.loaders.load import load
from tests.evaluation.loaders.tiny_truths import bedlam_rows, write_bedlam


def test_sequences(tmp_path):
    first, second = load(write_bedlam(tmp_path))
    assert (first.dataset, first.name) == ("bedlam", "scene_seq_000000")
    assert second.name == "scene_seq_000001"
    assert first.frame_names == tuple(f"seq_000000/seq_000000_{n:04d}.png" for n in (0, 5))
    assert first.times_s.tolist() == pytest.approx([0, 5 / 30])
    assert (first.width, first.height) == (1280, 720)
    assert first.intrinsics.tolist() == [[900, 901, 640, 360]] * 2
    assert (first.world_from_camera, first.image_paths) == (None, None)


def test_people(tmp_path):
    first, _ = load(write_bedlam(tmp_path))
    ann, bob = first.people
    assert (ann.name, ann.body, ann.gender, bob.name) == ("ann", "smplx", "female", "bob")
    assert (ann.frame.tolist(), bob.frame.tolist()) == ([0, 1], [0])
    assert ann.transl.tolist() == [[0.5, 0.5, 4.5], [0.5, 0.5, 5.5]]
    assert ann.global_orient[0].tolist() == [3, 0, 0]
    assert ann.body_pose[0, 0] == 0.1
    assert (ann.hand_pose[0, 0], ann.hand_pose[0, 45]) == (0.2, 0.3)
    assert (ann.transl_world, ann.global_orient_world) == (None, None)


def test_a_picture_between_others_belongs_to_the_sequence_without_rows_too(tmp_path):
    names = [f"seq_000000/seq_000000_{n:04d}.png" for n in (0, 5, 20)]
    rows = bedlam_rows() | {"imgname": np.array([*names, "seq_000001/seq_000001_0000.png"])}
    rows["cam_int"][1, 0, 0] = 950
    rows["sub"][1] = "ann"
    first, second = load(write_bedlam(tmp_path, **rows))
    assert first.frame_names == tuple(
        f"seq_000000/seq_000000_{n:04d}.png" for n in (0, 5, 10, 15, 20)
    )
    assert first.times_s == pytest.approx(np.array([0, 5, 10, 15, 20]) / 30)
    assert first.intrinsics[:, 0].tolist() == [900, 950, 950, 950, 900]  # the last one known
    assert first.people[0].frame.tolist() == [0, 1, 4]
    assert len(second.frame_names) == 1


def test_shapes_of_eleven_numbers_are_the_neutral_models(tmp_path):
    first, _ = load(write_bedlam(tmp_path, shape=np.ones((4, 11))))
    assert {person.gender for person in first.people} == {"neutral"}


def test_pictures_beside_the_labels(tmp_path):
    (tmp_path / "scene/png").mkdir(parents=True)
    first, _ = load(write_bedlam(tmp_path))
    assert first.image_paths[1] == tmp_path / "scene/png/seq_000000/seq_000000_0005.png"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sub": np.array(["ann"] * 4)}, "ann is in seq_000000/seq_000000_0000.png twice"),
        ({"pose_cam": np.zeros((4, 66))}, r"pose_cam has shape \(4, 66\): expected \(4, 165\)"),
        ({"imgname": np.array(["a/b.png"] * 4)}, "imgname 'a/b.png' does not end in a frame"),
        ({"gender": np.array(["?"] * 4)}, r"gender of ann is '\?'"),
        ({"sub": np.array(["ann"])}, "rows do not pair: {'imgname': 4, 'sub': 1"),
        ({"gender": np.array([None] * 4)}, "not an .npz of plain arrays .*allow_pickle"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, changes, message):
    with pytest.raises(TruthError, match=rf"scene\.npz: {message}"):
        load(write_bedlam(tmp_path, **changes))


def test_missing_and_damaged_files(tmp_path):
    rows = bedlam_rows()
    del rows["trans_cam"]
    np.savez(tmp_path / "scene.npz", **rows)
    with pytest.raises(TruthError, match=r"scene\.npz: lacks trans_cam; found \['cam_ext'"):
        load(tmp_path)
    (tmp_path / "scene.npz").write_bytes(b"PK")
    with pytest.raises(TruthError, match=r"scene\.npz: not an \.npz of plain arrays"):
        load(tmp_path)
