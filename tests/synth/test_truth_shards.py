import io

import av
import numpy as np
import pytest
import torch

from human3r_model.geometry import axis_angle_to_matrix, pose_to_matrix
from pipeline.depth import read_depth_object
from synth.filming import make_shot
from synth.render import render_shot
from synth.video_spec import draw_video
from tests.synth.small_corpus import SPEC, poses_of


def spec_of(variant):
    return draw_video(SPEC, SPEC.variants.index(variant))


@pytest.fixture(scope="module")
def plain(free_body):
    """What the renderer says of the plain video, and its focal length."""
    video = spec_of("plain")
    shot = make_shot(video, video.shots[0], free_body)
    return video.uri, list(render_shot(shot, free_body)), shot.camera.focal_px


def by_frame(rows):
    """Rows without seams, by frame and track."""
    return {(r["frame_index"], r.get("track_id")): r for r in rows if not r["is_seam"]}


def test_people_read_back_are_the_renderers(small_corpus, plain):
    uri, frames, _ = plain
    rows = by_frame(small_corpus.rows("people", uri))
    num_people = 0
    for index, frame in enumerate(frames):
        people = frame.people
        for place in np.flatnonzero(people.visible_fraction > 0.1):
            row = rows[index, people.actor[place]]
            poses = [row["global_orient"], row["body_pose"], row["left_hand_pose"]]
            vectors = np.concatenate([*poses, row["right_hand_pose"], row["jaw_pose"]])
            rotations = axis_angle_to_matrix(torch.tensor(vectors).view(53, 3)).numpy()
            assert rotations == pytest.approx(people.rotations[place], abs=1e-5)
            assert row["head_position"] == pytest.approx(people.head_position[place], abs=1e-5)
            assert row["head_px"] == pytest.approx(people.head_px[place], abs=1e-4)
            assert row["betas"] == pytest.approx(people.betas[place])
            assert row["visible_fraction"] == pytest.approx(people.visible_fraction[place])
            assert (row["score"], row["expression"]) == (1, [0] * 10)
            num_people += 1
    assert num_people == len(rows) > 8


def test_cameras_read_back_are_the_renderers_from_each_clips_first_frame(small_corpus, plain):
    uri, frames, focal_px = plain
    for clip in small_corpus.clips(uri):
        rows = [r for r in small_corpus.rows("frames", uri) if r["clip_id"] == clip["clip_id"]]
        first = np.linalg.inv(frames[clip["start_frame"]].world_from_camera)
        found = pose_to_matrix(torch.from_numpy(poses_of(rows))).numpy()
        expected = [first @ frames[row["frame_index"]].world_from_camera for row in rows]
        assert found == pytest.approx(np.array(expected), abs=1e-6)
        assert [row["fx"] for row in rows] == pytest.approx([focal_px] * len(rows))
        assert [row["fy"] for row in rows] == [row["fx"] for row in rows]
        height, width = frames[0].depth_m.shape
        assert {(r["cx"], r["cy"]) for r in rows} == {((width - 1) / 2, (height - 1) / 2)}


def test_depth_and_masks_read_back_are_the_renderers(small_corpus, plain):
    uri, frames, _ = plain
    for clip in small_corpus.clips(uri):
        rendered = frames[clip["start_frame"] : clip["end_frame"]]
        data = small_corpus.truth.read(clip["depth_file"])
        for depth_m, frame in zip(
            read_depth_object(data, clip["depth_sha256"]), rendered, strict=True
        ):
            expected = np.where(frame.depth_m > 0, frame.depth_m, np.nan)
            assert depth_m == pytest.approx(expected, rel=5e-4, nan_ok=True)
        with av.open(io.BytesIO(small_corpus.truth.read(f"masks/{clip['clip_id']}.mkv"))) as video:
            masks = [frame.to_ndarray() for frame in video.decode(video=0)]
        assert np.array_equal(masks, [frame.person for frame in rendered])


def test_depth_is_of_the_source_picture(small_corpus):
    for row in small_corpus.rows("frames", spec_of("plain").uri):
        scale_and_shift = [
            row["depth_px_per_source_px_x"],
            row["depth_px_per_source_px_y"],
            row["depth_shift_x_px"],
            row["depth_shift_y_px"],
        ]
        assert scale_and_shift == [1, 1, 0, 0]


@pytest.mark.parametrize("variant", ["plain", "cuts", "long", "vfr"])
def test_joints_2d_are_joints_3d_through_the_frames_camera(small_corpus, variant):
    uri = spec_of(variant).uri
    cameras = {(r["clip_id"], r["frame_index"]): r for r in small_corpus.rows("frames", uri)}
    rows = [row for row in small_corpus.rows("people", uri) if row["joints_2d"] is not None]
    assert rows
    for row in rows:
        camera = cameras[row["clip_id"], row["frame_index"]]
        joints = np.reshape(row["joints_3d"], (-1, 3)).astype(np.float64)
        expected = joints[:, :2] / joints[:, 2:] * camera["fx"] + [camera["cx"], camera["cy"]]
        assert np.reshape(row["joints_2d"], (-1, 2)) == pytest.approx(expected, abs=0.01)
        assert expected[15] == pytest.approx(row["head_px"], abs=0.01)


def test_clips_of_a_long_video_say_the_same_of_the_frame_they_share(small_corpus):
    uri = spec_of("long").uri
    spans = [(clip["start_frame"], clip["end_frame"]) for clip in small_corpus.clips(uri)]
    assert spans == [(0, 6), (5, 11), (10, 15)]
    rows = small_corpus.rows("people", uri)
    seams = [row for row in rows if row["is_seam"]]
    assert {row["frame_index"] for row in seams} == {5, 10}
    others = by_frame(rows)
    for row in seams:
        other = others[row["frame_index"], row["track_id"]]
        for name in ("head_px", "head_position", "body_pose", "betas", "visible_fraction"):
            assert row[name] == other[name]


def test_clips_do_not_reach_over_a_cut(small_corpus):
    video = spec_of("cuts")
    spans = [
        (clip["shot_index"], clip["start_frame"], clip["end_frame"])
        for clip in small_corpus.clips(video.uri)
    ]
    assert spans == [(0, 0, video.cuts[0]), (1, video.cuts[0], 8)]
    firsts = [row for row in small_corpus.rows("frames", video.uri) if row["clip_frame"] == 0]
    assert poses_of(firsts).tolist() == [[0, 0, 0, 1, 0, 0, 0]] * 2


def test_a_video_with_nobody_is_empty(small_corpus):
    uri = spec_of("empty").uri
    assert [clip["status"] for clip in small_corpus.clips(uri)] == ["empty", "empty"]
    assert [row["num_people"] for row in small_corpus.rows("frames", uri)] == [0] * 9
