import shutil

import numpy as np
import pytest

from evaluation.preview import read_preview
from pipeline.errors import DecodeError, SourceError
from pipeline.storage import Store
from schemas.joints import JOINT_INDICES
from tests.fakes import FakeHuman3R, fake_models
from tests.pipeline.small_job import annotate_small, plan_small
from tests.synthetic import make_video, read_code

# The fake network's labels of video 1, frame f: depth 3 + f / 64, focal length 41 of 64x48 pixels
# (82 of the source's 128x96), camera at (1, f, frames of the clip so far) without rotation.


@pytest.fixture(scope="module")
def with_bodies(small_source, tmp_path_factory, free_body):
    """b/walk.mp4 with one person a frame who has joints."""
    job = plan_small(small_source, tmp_path_factory.mktemp("b") / "out", include=("b/*",))
    annotate_small(job, fake_models(FakeHuman3R(num_people=lambda *_: 1), free_body))
    return job.store


def test_the_frame_is_the_one_asked_for(small_out):
    preview = read_preview(Store(str(small_out)), "a/walk.mp4", 5)
    assert read_code(preview.rgb) == (1, 5)
    assert preview.rgb.shape == (96, 128, 3)
    assert (preview.frame_index, preview.time_s) == (5, pytest.approx(5 / 30, abs=1e-3))
    assert preview.labels == "tiny (untrained: random weights, not labels)"


def test_depth_lies_over_the_source_picture(small_out):
    depth = read_preview(Store(str(small_out)), "a/walk.mp4", 5).depth
    assert depth.depth_m.shape == (48, 64)
    np.testing.assert_allclose(depth.depth_m, 3 + 5 / 64, rtol=5e-4)
    np.testing.assert_allclose(depth.edges_px, (-0.5, 127.5, -0.5, 95.5), atol=1e-4)


def test_the_clip_from_above(small_out):
    above = read_preview(Store(str(small_out)), "a/walk.mp4", 5).from_above
    np.testing.assert_array_equal(above.camera_path[:, 1], [3, 4, 5, 6])
    np.testing.assert_array_equal(above.camera[:2], [1, 5])
    # The principal point is pixel 32 of 64, which is 64.5 of the source's 128.
    np.testing.assert_allclose(above.view_edges, [[-65 / 82, 0, 1], [63 / 82, 0, 1]], atol=1e-6)
    # Person 0's head is (0.1, f^3 / 1000, 3) before the camera.
    assert list(above.people) == list(above.people_paths) == [0]
    np.testing.assert_allclose(above.people[0] - above.camera, [0.1, 0.125, 3], atol=1e-6)
    np.testing.assert_array_equal(above.people_paths[0][2], above.people[0])


def test_without_a_body_model_people_are_heads(small_out):
    (person,) = read_preview(Store(str(small_out)), "a/walk.mp4", 5).people
    assert (person.joints_px, person.box_px, person.skin) == (None, None, None)
    assert person.track_id == 0
    assert person.head_px.shape == (2,)


def test_labels_with_joints_are_skeletons(with_bodies):
    preview = read_preview(with_bodies, "b/walk.mp4", 1)
    (person,) = preview.people
    assert person.skin is None
    assert preview.faces is None
    assert person.joints_px.shape == (52, 2)
    (low, high) = person.box_px
    assert (low < person.joints_px.min(axis=0)).all()
    assert (person.joints_px.max(axis=0) < high).all()


def test_skin_lies_in_the_box_of_the_labels(with_bodies, free_body):
    preview = read_preview(with_bodies, "b/walk.mp4", 1, body=free_body)
    (person,) = preview.people
    assert preview.faces is free_body.faces
    found = [person.skin.vertices_px.min(axis=0), person.skin.vertices_px.max(axis=0)]
    np.testing.assert_allclose(found, person.box_px, atol=0.02)
    assert person.skin.vertices.shape == (10475, 3)


def test_people_without_labels_have_no_skin(small_source, tmp_path, free_body):
    job = plan_small(small_source, tmp_path / "out", include=("b/*",))
    network = FakeHuman3R(num_people=lambda *_: 1, nan_betas_at={(2, 1)})
    annotate_small(job, fake_models(network, free_body))
    preview = read_preview(job.store, "b/walk.mp4", 1, body=free_body)
    assert [person.skin for person in preview.people] == [None]
    assert preview.from_above.people == {}
    assert len(preview.from_above.people_paths[0]) == 3


def test_labels_without_depth(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out", include=("b/*",))
    annotate_small(job, fake_models(), depth=False)
    assert read_preview(job.store, "b/walk.mp4", 1).depth is None


@pytest.mark.parametrize("source", ["moved", "moved/tall.mp4"], ids=["folder", "file in it"])
def test_videos_that_were_moved(small_source, small_out, tmp_path, source):
    shutil.copytree(small_source, tmp_path / "moved")
    preview = read_preview(Store(str(small_out)), "a/walk.mp4", 5, source=str(tmp_path / source))
    assert read_code(preview.rgb) == (1, 5)


def test_a_video_that_is_gone(small_out, tmp_path):
    with pytest.raises(SourceError, match=r"no such video\. Say with --source"):
        read_preview(Store(str(small_out)), "a/walk.mp4", 5, source=str(tmp_path))


def test_another_video_in_its_place(small_out, tmp_path):
    (tmp_path / "a").mkdir()
    make_video(tmp_path / "a/walk.mp4", 9, clip_id=9, gop=4)
    with pytest.raises(SourceError, match=r"bytes, but the video that was annotated has \d+"):
        read_preview(Store(str(small_out)), "a/walk.mp4", 5, source=str(tmp_path))


def test_a_video_that_lost_the_frame(small_source, small_out, tmp_path):
    (tmp_path / "a").mkdir()
    data = bytearray((small_source / "a/walk.mp4").read_bytes())
    start = data.index(b"mdat")
    data[start + 4 :] = bytes(len(data) - start - 4)
    (tmp_path / "a/walk.mp4").write_bytes(data)
    with pytest.raises(DecodeError, match=r"a/walk\.mp4"):
        read_preview(Store(str(small_out)), "a/walk.mp4", 5, source=str(tmp_path))


def test_skin_and_joints_agree(with_bodies, free_body):
    """The head joint of the labels lies inside the skin that the preview places."""
    (person,) = read_preview(with_bodies, "b/walk.mp4", 1, body=free_body).people
    head = person.joints_px[JOINT_INDICES.index(15)]
    distance_px = np.linalg.norm(person.skin.vertices_px - head, axis=1)
    height_px = np.diff(person.box_px[:, 1])[0]
    assert distance_px.min() < 0.02 * height_px
