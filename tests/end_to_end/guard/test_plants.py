"""A regression in any convention turns a column red: planted one by one."""

import pytest

from tests.end_to_end.guard.comparison import compare
from tests.end_to_end.guard.planting import Plant, plant
from tests.end_to_end.guard.world import LONG, PORTRAIT

VIDEOS = (LONG, PORTRAIT, "turned/four-three.mp4")
"""Three clips side by side, uneven times, a display matrix; all that is shrunk or cropped."""

PLANTS = [
    Plant(
        "the camera's rotation inverted",
        "pipeline.inference:_to_host",
        "_numpy(prediction.camera_pose)",
        "_numpy(prediction.camera_pose * torch.tensor([1, 1, 1, 1, -1, -1, -1]))",
        frozenset({"frames.camera_rotation", "people.global_orient_world"}),
    ),
    Plant(
        "world from camera taken for camera from world",
        "pipeline.bodies:_world_from_camera",
        "pose_to_matrix(poses.double())",
        "pose_to_matrix(poses.double()).inverse()",
        frozenset({"people.head_position_world", "people.transl_world", "people.posed_world"}),
    ),
    Plant(
        "quaternions x, y, z, w",
        "human3r_model.geometry:quaternion_to_matrix",
        "w, x, y, z = quaternion",
        "x, y, z, w = quaternion",
        frozenset({"people.global_orient_world", "people.posed_world"}),
    ),
    Plant(
        "focal length left in model pixels",
        "pipeline.rows:_frame_columns",
        "_nullable(frames.focal_px * geometry.scale_x)",
        "_nullable(frames.focal_px)",
        frozenset({"frames.fx"}),
    ),
    Plant(
        "focal length scaled to the source twice",
        "pipeline.bodies:clip_focal_px",
        "float(np.nanmedian(focal_px))",
        "float(np.nanmedian(focal_px)) * labels.geometry.scale_x",
        frozenset({"frames.clip_fx", "people.joints_2d", "people.box_px"}),
    ),
    Plant(
        "width and height of the network's pixels swapped",
        "pipeline.rows:_frame_columns",
        "_nullable(frames.focal_px * geometry.scale_x)",
        "_nullable(frames.focal_px * geometry.scale_y)",
        frozenset({"frames.pixel_aspect"}),
    ),
    Plant(
        "joints a pixel off",
        "pipeline.rows:_body_columns",
        '"joints_2d": _nullable(bodies.joints_px.reshape',
        '"joints_2d": _nullable((bodies.joints_px + 1).reshape',
        frozenset({"people.joint_gap_px"}),
    ),
    Plant(
        "head position stored as transl",
        "pipeline.bodies:_place_chunk",
        '"transl": placed.transl.numpy()',
        '"transl": people.head_position[rows]',
        frozenset({"people.transl", "people.posed"}),
    ),
    Plant(
        "transl_world as R transl + t",
        "human3r_model.body:world_root",
        "pelvis = rest_pelvis.double()",
        "pelvis = 0 * rest_pelvis.double()",
        frozenset({"people.transl_world", "people.posed_world"}),
    ),
    Plant(
        "frames in the order of their names",
        "pipeline.frames:open_frames",
        "enumerate(frames)",
        "enumerate(sorted(frames, key=lambda frame: str(frame.pts)))",
        frozenset({"frames.camera_position", "people.head_px"}),
    ),
    Plant(
        "labels written to the neighbour in the batch",
        "pipeline.inference:_record",
        "lanes[place], frames[place]",
        "lanes[-1 - place], frames[-1 - place]",
        frozenset({"frames.camera_position", "frames.wrong_depth", "people.head_px"}),
    ),
    Plant(
        "pictures of a batch taken clip by clip where they lie frame by frame",
        "pipeline.inference:_run",
        "[start + offset for start in starts]",
        "[place + offset * len(starts) for place in range(len(starts))]",
        frozenset({"frames.camera_position", "people.head_px"}),
    ),
    Plant(
        "another clip's state where one ends",
        "pipeline.inference:_run",
        "torch.tensor(kept, device=device)",
        "torch.tensor([len(is_live) - 1 - place for place in kept], device=device)",
        frozenset({"frames.camera_position"}),
    ),
    Plant(
        "rotation metadata ignored",
        "pipeline.av_io.reader:orientation_of",
        "matrix is None",
        "True",
        frozenset({"clips.status"}),
        "no frame of this world is shown as 144x192",
    ),
    Plant(
        "pictures cropped at the corner, not in the middle",
        "human3r_model.preprocess:prepare_image",
        "geometry.crop_left, geometry.crop_top",
        "0, 0",
        frozenset({"clips.status"}),
        "a picture of 192x96 is no frame of this world",
    ),
    Plant(
        "crop forgotten on the way back",
        "human3r_model.preprocess:ImageGeometry.source_from_model",
        "+ self._crop + 0.5",
        "+ 0.5",
        frozenset({"frames.cy", "people.head_px", "people.joints_2d"}),
    ),
    Plant(
        "rows and columns of the head swapped",
        "pipeline.rows:_people_columns",
        "source_from_model(people.head_px)",
        "source_from_model(people.head_px[:, ::-1])",
        frozenset({"people.head_px"}),
    ),
    Plant(
        "y up",
        "pipeline.inference:_people_arrays",
        "_numpy(people.head_position)",
        "_numpy(people.head_position * torch.tensor([1, -1, 1]))",
        frozenset({"people.head_position", "people.joints_3d", "people.joints_2d"}),
    ),
    Plant(
        "depth of the frame before",
        "pipeline.rows:_depth_columns",
        "np.array(depth.frame_spans, np.int64).T",
        "np.roll(np.array(depth.frame_spans, np.int64), 1, axis=0).T",
        frozenset({"frames.wrong_depth"}),
    ),
    Plant(
        "depth picture not shifted by the crop",
        "pipeline.rows:_depth_columns",
        "model_from_source([0.0, 0.0])",
        "model_from_source([0.0, 0.0]).clip(-0.5)",
        frozenset({"frames.wrong_depth"}),
    ),
    Plant(
        "degrees for radians",
        "pipeline.rows:_people_columns",
        "poses = roots.axis_angle",
        "poses = np.degrees(roots.axis_angle)",
        frozenset({"clips.status"}),
        "must be axis-angle triples no longer than pi",
    ),
    Plant(
        "left and right hand swapped",
        "pipeline.rows:_people_columns",
        '"left_hand_pose": label(poses[:, 22:37])',
        '"left_hand_pose": label(poses[:, 37:52])',
        frozenset({"people.left_hand_pose", "people.posed"}),
    ),
    Plant(
        "uneven times taken for even ones",
        "pipeline.rows:clip_times_s",
        "(clip.frame_pts - clip.start_pts)",
        "np.linspace(*(clip.frame_pts[[0, -1]] - clip.start_pts), len(clip.frame_pts))",
        frozenset({"frames.time_s", "people.time_s"}),
    ),
    Plant(
        "times counted from the clip's start",
        "pipeline.rows:clip_times_s",
        "clip.start_pts",
        "clip.frame_pts[0]",
        frozenset({"frames.time_s"}),
    ),
    Plant(
        "clips without a shared frame",
        "pipeline.cutting:cut_clips",
        "max_clip_frames - 1",
        "max_clip_frames",
        frozenset({"clips.start_frame"}),
    ),
    Plant(
        "frames numbered within the clip",
        "pipeline.rows:_shared_columns",
        "clip.frame_index[clip_frame]",
        "clip_frame",
        frozenset({"frames.frame_index"}),
    ),
]


def test_nothing_planted_nothing_red(world, expected, annotate, off_body, tmp_path):
    clips = {key: clip for key, clip in expected.items() if key[0] in VIDEOS}
    store = annotate(tmp_path / "out", VIDEOS)
    assert compare(store, clips, world.videos, off_body) == []


@pytest.mark.parametrize("wrong", PLANTS, ids=lambda wrong: wrong.name)
def test_a_planted_regression_turns_its_columns_red(
    wrong, world, expected, annotate, off_body, monkeypatch, tmp_path
):
    clips = {key: clip for key, clip in expected.items() if key[0] in VIDEOS}
    with monkeypatch.context() as planted:
        plant(planted, wrong)
        store = annotate(tmp_path / "out", VIDEOS)
    differences = compare(store, clips, world.videos, off_body)
    assert wrong.columns <= {difference.column for difference in differences}
    assert any(wrong.reason in difference.text for difference in differences)
