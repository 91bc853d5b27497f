"""A truth that was imported is read back by the evaluator as it was: camera, depth, people."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_matrix

from evaluation.dataset import Dataset
from evaluation.loaders.errors import TruthError
from evaluation.loaders.sequence import TruePerson, TrueSequence
from evaluation.loaders.to_truth import encode, import_truth
from evaluation.loaders.true_bodies import BodyFolder
from evaluation.smpl import SmplModel
from human3r_model.body_file import read_body_file
from pipeline.errors import RefusedError
from pipeline.storage import Store
from tests.conftest import FREE_BODY
from tests.evaluation.loaders.tiny_truths import CAMERA_FROM_WORLD, TURNED, WORLD_FROM_CAMERA

WIDTH, HEIGHT, NUM_FRAMES = 33, 24, 3


def make_sequence(folder, people=()):
    """The camera of `tiny_truths`, which moves 0.1 m a frame to where it looks: the world's x."""
    poses = np.tile(np.array(WORLD_FROM_CAMERA, float), (NUM_FRAMES, 1, 1))
    poses[:, 0, 3] += [0, 0.1, 0.2]
    files = tuple(folder / f"{index}.png" for index in range(NUM_FRAMES))
    for file in files:
        Image.new("RGB", (WIDTH, HEIGHT), (90, 120, 30)).save(file)

    def read_depth(index):
        depth = np.full((HEIGHT, WIDTH), 2.0 + index, np.float32)
        depth[0, 0] = 0
        return depth

    return TrueSequence(
        dataset="tum",
        name="desk",
        frame_names=tuple(file.name for file in files),
        image_paths=files,
        times_s=np.array([0, 0.04, 0.1]),
        width=WIDTH,
        height=HEIGHT,
        world_from_camera=poses,
        intrinsics=np.tile([40.0, 41, 15, 11], (NUM_FRAMES, 1)),
        people=tuple(people),
        read_depth=read_depth,
    )


def make_person(**changes):
    """Stands 5 m before the first camera, upright for the camera, not turned in the world."""
    count = len(changes.get("frame", [0, 2]))
    fields = {
        "name": "ann",
        "body": "smplx",
        "gender": "neutral",
        "frame": np.array([0, 2]),
        "is_valid": np.array([True, False]),
        "global_orient": np.tile(TURNED, (count, 1)),
        "global_orient_world": np.zeros((count, 3)),
        "body_pose": np.full((count, 63), 0.05),
        "hand_pose": None,
        "betas": np.tile(np.linspace(-1, 1, 11), (count, 1)),
        "transl": None,
        "transl_world": np.tile([3.0, 0, 0], (count, 1)),
        "joints": None,
        "joints_px": None,
    }
    return TruePerson(**fields | changes)


@pytest.fixture(scope="module")
def body_folder(tmp_path_factory):
    """The free body as the neutral model; as the male one, two steps along its first shape."""
    folder = tmp_path_factory.mktemp("bodies")
    (folder / "SMPLX_NEUTRAL.npz").symlink_to(FREE_BODY)
    arrays = dict(np.load(FREE_BODY))
    arrays["v_template"] = arrays["v_template"] + 2 * arrays["shapedirs"][..., 0]
    np.savez(folder / "SMPLX_MALE.npz", **arrays)
    return folder


def read_back(out):
    dataset = Dataset(Store(str(out / "truth")))
    ((entry,),) = dataset.clips.values()
    return dataset, dataset.read_clip(entry)


def test_camera_and_depth_come_back(tmp_path):
    status = import_truth([make_sequence(tmp_path)], str(tmp_path / "out"), None)
    assert (status.num_frames, status.num_people, status.num_failed) == (3, 0, 0)
    dataset, clip = read_back(tmp_path / "out")
    assert dataset.picture_of_video == {"desk.mp4": (32, 24)}  # a video's sides are even
    assert clip.time_s == pytest.approx([0, 0.04, 0.1], abs=1e-5)
    # The world is that of the clip's first camera, which moves along its own z.
    assert clip.world_from_camera[:, :3, 3] == pytest.approx(
        np.array([[0, 0, 0], [0, 0, 0.1], [0, 0, 0.2]]), abs=1e-6
    )
    assert clip.world_from_camera[2, :3, :3] == pytest.approx(np.eye(3), abs=1e-6)
    depths = [depth for depth, _ in dataset.read_depth(clip, [0, 2])]
    assert np.isnan(depths[0][0, 0])
    assert [float(depth[5, 5]) for depth in depths] == pytest.approx([2, 4], rel=5e-4)


def test_intrinsics_of_the_truth_are_kept(tmp_path):
    import_truth([make_sequence(tmp_path)], str(tmp_path / "out"), None)
    (file,) = (tmp_path / "out/truth/frames").rglob("*.parquet")
    rows = pq.read_table(file).to_pylist()
    assert [[row[name] for name in ("fx", "fy", "cx", "cy")] for row in rows] == [
        [40, 41, 15, 11]
    ] * NUM_FRAMES


def test_smplx_people_come_back_where_they_stand(tmp_path, body_folder, free_body):
    person = make_person()
    sequence = make_sequence(tmp_path, [person])
    import_truth([sequence], str(tmp_path / "out"), BodyFolder(body_folder))
    dataset, clip = read_back(tmp_path / "out")
    assert dataset.side.body_model_sha256 == free_body.sha256
    people = clip.people
    assert people.frame.tolist() == [0]  # frame 2 is not to be trusted
    assert people.axis_angle[0, 0] == pytest.approx(TURNED, abs=1e-5)
    assert people.betas[0] == pytest.approx(np.linspace(-1, 1, 11)[:10])
    rotations = torch.eye(3).repeat(1, 53, 1, 1)
    at_rest = free_body.place_skeletons(
        rotations, torch.from_numpy(people.betas).float(), torch.zeros(1, 10), torch.zeros(1, 3)
    )
    # The pelvis at rest J0 is at J0 + (3, 0, 0) of the world; the camera stands at x = -2.
    x, y, z = (at_rest.rest_pelvis[0] + torch.tensor([3, 0, 0])).tolist()
    assert people.joints[0, 0] == pytest.approx([-z, y, x + 2], abs=1e-5)
    assert people.joints[0, 15] == pytest.approx(people.head_position[0], abs=1e-5)
    head = people.head_position[0]
    assert people.head_px[0] == pytest.approx(
        [40 * head[0] / head[2] + 15, 41 * head[1] / head[2] + 11], abs=1e-3
    )
    # In frame 1 there is no label, in frame 2 none to be trusted.
    assert list(dataset.read_hidden()) == [("desk.mp4", 1), ("desk.mp4", 2)]


def test_a_gendered_body_becomes_the_nearest_neutral_one(tmp_path, body_folder):
    person = make_person(gender="male", betas=np.zeros((2, 10)))
    placed = BodyFolder(body_folder).place(
        person, make_sequence(tmp_path).world_from_camera[[0, 2]]
    )
    assert placed.betas == pytest.approx(np.array([[2.0] + [0] * 9] * 2), abs=1e-3)
    neutral = make_person(betas=np.array([[2.0] + [0] * 9] * 2))
    same = BodyFolder(body_folder).place(neutral, make_sequence(tmp_path).world_from_camera[[0, 2]])
    assert placed.joints == pytest.approx(same.joints, abs=1e-4)


def test_smpl_people_are_told_by_their_heads(tmp_path):
    joints = np.zeros((2, 24, 3))
    joints[:, 15] = [0.5, -0.25, 5]
    person = make_person(
        body="smpl", body_pose=np.zeros((2, 69)), joints=joints, is_valid=np.ones(2, np.bool_)
    )
    import_truth([make_sequence(tmp_path, [person])], str(tmp_path / "out"), None)
    dataset, clip = read_back(tmp_path / "out")
    assert dataset.side.body_model_sha256 is None
    assert clip.people.frame.tolist() == [0, 2]
    assert clip.people.head_px[1] == pytest.approx([19, 8.95])  # 40 * 0.1 + 15, 41 * -0.05 + 11
    assert np.isnan(clip.people.joints).all()


def read_smpl(out):
    return Dataset(Store(str(out / "truth"))).read_smpl_people()


def test_smpl_people_are_kept_apart(tmp_path):
    joints = np.zeros((2, 24, 3))
    joints[:, 15] = [0.5, -0.25, 5]
    body_pose = np.arange(138.0).reshape(2, 69)
    person = make_person(body="smpl", gender="female", body_pose=body_pose, joints=joints)
    sequence = make_sequence(tmp_path, [make_person(**vars(person) | {"name": "bob"}), person])
    import_truth([sequence], str(tmp_path / "out"), None)
    rows, people = read_smpl(tmp_path / "out")
    assert rows == {("desk.mp4", 0, 0): 0, ("desk.mp4", 0, 1): 1}  # frame 2 is not to be trusted
    assert people.gender.tolist() == ["female", "female"]
    assert people.pose[1] == pytest.approx(np.hstack([TURNED, body_pose[0]]))
    assert people.betas[1] == pytest.approx(np.linspace(-1, 1, 11)[:10])
    assert people.transl[1].tolist() == [3, 0, 0]
    # The camera stands at x = -2 and looks along x.
    assert people.camera_from_world[1] == pytest.approx(CAMERA_FROM_WORLD[:3])


def test_no_smpl_people_of_other_truths(tmp_path):
    import_truth([make_sequence(tmp_path)], str(tmp_path / "out"), None)
    assert read_smpl(tmp_path / "out")[0] == {}


def test_smpl_people_land_where_their_joints_are(tmp_path, body_folder):
    """The free body as SMPL's, all of it moved by its pelvis, stands where it does as SMPL-X's."""
    arrays = read_body_file(FREE_BODY)
    model = SmplModel(
        template=arrays.template,
        shape_directions=arrays.shape_directions[..., :10],
        pose_directions=np.zeros((len(arrays.template), 3, 207)),
        joint_regressor=csr_matrix(arrays.joint_regressor[:24]),
        skin_weights=np.eye(24)[np.zeros(len(arrays.template), int)],
    )
    common = {"betas": np.tile(np.linspace(-1, 1, 10), (2, 1))}
    as_smplx = BodyFolder(body_folder).place(
        make_person(**common), make_sequence(tmp_path).world_from_camera[[0, 2]]
    )
    pose = np.zeros((2, 69))
    pose[:, :63] = 0.05
    heads_px = np.full((2, 24, 2), 12.0)
    person = make_person(body="smpl", body_pose=pose, joints_px=heads_px, **common)
    import_truth([make_sequence(tmp_path, [person])], str(tmp_path / "out"), None)
    skin = model.skin(read_smpl(tmp_path / "out")[1])
    shaped = arrays.template + arrays.shape_directions[..., :10] @ common["betas"][0]
    pelvis = arrays.joint_regressor[0] @ shaped
    turned = (shaped - pelvis) @ as_smplx.rotations[0, 0].T + as_smplx.joints[0, 0]
    assert skin[0] == pytest.approx(turned, abs=1e-5)


def read_hidden(folder, joints, is_valid):
    """Who is hidden of somebody of SMPL with `joints` [3, 24, 3] of all three frames."""
    person = make_person(
        body="smpl",
        frame=np.arange(3),
        body_pose=np.zeros((3, 69)),
        joints=joints,
        is_valid=np.array(is_valid),
    )
    status = import_truth([make_sequence(folder, [person])], str(folder / "out"), None)
    return status.num_people, Dataset(Store(str(folder / "out/truth"))).read_hidden()


def test_somebody_outside_the_picture_is_not_there(tmp_path):
    joints = np.zeros((3, 24, 3))
    joints[:] = np.array([[9, 0, 5], [0, 0, -5], [0, 9, 5]])[:, None]  # right, behind, below
    assert read_hidden(tmp_path, joints, [True, True, True]) == (0, {})


def test_somebody_without_their_head_in_the_picture_may_be_anywhere(tmp_path):
    joints = np.zeros((3, 24, 3))
    joints[:] = [0, 0, 5]
    joints[1:, 15] = [[0, -9, 5], [0, 0, -5]]  # above the picture, behind the camera
    num_people, hidden = read_hidden(tmp_path, joints, [True, True, True])
    assert num_people == 1
    assert list(hidden) == [("desk.mp4", 1), ("desk.mp4", 2)]
    assert all(np.isnan(people.head_px).all() for people in hidden.values())


def test_whose_label_is_not_trusted_may_be_anywhere(tmp_path):
    joints = np.zeros((3, 24, 3))
    joints[:] = np.array([[9, 0, 5], [0, 0, 5], [0, 0, 5]])[:, None]  # right, in the picture
    num_people, hidden = read_hidden(tmp_path, joints, [False, False, True])
    assert num_people == 1
    assert list(hidden) == [("desk.mp4", 0), ("desk.mp4", 1)]
    assert all(np.isnan(people.head_px).all() for people in hidden.values())


def test_a_truth_without_a_world_stands_still(tmp_path):
    sequence = replace(make_sequence(tmp_path), world_from_camera=None, intrinsics=None)
    import_truth([sequence], str(tmp_path / "out"), None)
    dataset, clip = read_back(tmp_path / "out")
    assert clip.world_from_camera == pytest.approx(np.tile(np.eye(4), (3, 1, 1)))
    assert dataset.read_no_world() == {"desk.mp4"}


def test_some_frames_are_what_they_were_in_the_whole(tmp_path, body_folder):
    """Camera, depth, intrinsics and people of frames 0 and 2 of a sequence of 3."""
    poses = np.random.default_rng(0).normal(0, 0.1, (2, 63))
    bob = make_person(name="bob", frame=np.array([1]), is_valid=np.ones(1, np.bool_))
    ann = make_person(body_pose=poses, is_valid=np.ones(2, np.bool_))
    whole = make_sequence(tmp_path, [bob, ann])
    import_truth([whole.take(slice(None, None, 2))], str(tmp_path / "out"), BodyFolder(body_folder))
    import_truth([whole], str(tmp_path / "whole"), BodyFolder(body_folder))
    (some, clip), (_, entire) = (read_back(tmp_path / name) for name in ("out", "whole"))
    assert clip.frame_index.tolist() == [0, 1]
    assert clip.time_s == pytest.approx([0, 0.1], abs=1e-5)
    assert clip.world_from_camera == pytest.approx(entire.world_from_camera[[0, 2]], abs=1e-6)
    depths = [float(depth[5, 5]) for depth, _ in some.read_depth(clip, [0, 1])]
    assert depths == pytest.approx([2, 4], rel=5e-4)
    # Bob, who is labelled in frame 1 only, may be anywhere in the others.
    assert list(some.read_hidden()) == [("desk.mp4", 0), ("desk.mp4", 1)]
    assert (clip.people.frame.tolist(), clip.people.track_id.tolist()) == ([0, 1], [1, 1])
    is_ann = entire.people.track_id == 1
    assert entire.people.frame[is_ann].tolist() == [0, 2]
    assert clip.people.axis_angle == pytest.approx(entire.people.axis_angle[is_ann], abs=1e-6)
    assert clip.people.joints == pytest.approx(entire.people.joints[is_ann], abs=1e-6)


def test_times_of_some_frames_begin_with_the_first(tmp_path):
    assert make_sequence(tmp_path).take(slice(1, None)).times_s == pytest.approx([0, 0.06])


def test_a_sequence_is_one_clip_however_long(tmp_path):
    sequence = make_sequence(tmp_path)
    frames = np.arange(150) % NUM_FRAMES
    long = replace(
        sequence,
        frame_names=tuple(sequence.frame_names[frame] for frame in frames),
        image_paths=tuple(sequence.image_paths[frame] for frame in frames),
        times_s=np.arange(150) / 30,
        world_from_camera=sequence.world_from_camera[frames],
        intrinsics=sequence.intrinsics[frames],
        read_depth=None,
    )
    import_truth([long], str(tmp_path / "out"), None)
    _, clip = read_back(tmp_path / "out")
    assert len(clip.frame_index) == 150


def test_another_truth_is_refused_before_anything_changes(tmp_path, body_folder):
    out = tmp_path / "out"
    import_truth([make_sequence(tmp_path, [make_person()])], str(out), BodyFolder(body_folder))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    other = replace(make_sequence(tmp_path, [make_person()]), name="chair")
    with pytest.raises(RefusedError, match=r"\(OUT's -> yours\):\n  sequences\.chair: None -> "):
        import_truth([other], str(out), BodyFolder(body_folder))
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def stop(done, total):
    raise KeyboardInterrupt


def test_other_pictures_of_a_sequence_are_another_truth(tmp_path):
    """Even where they are as many, at the same times."""
    sequence, out = make_sequence(tmp_path), str(tmp_path / "out")
    import_truth([sequence.take(slice(0, 2))], out, None)
    other = replace(sequence.take(slice(1, 3)), times_s=sequence.times_s[:2])
    with pytest.raises(RefusedError, match=r"sequences\.desk\.first_frame: '0\.png' -> '1\.png'"):
        import_truth([other], out, None)


def test_videos_of_other_pictures_give_way_until_the_truth_is_planned(tmp_path):
    sequence, out = make_sequence(tmp_path), tmp_path / "out"
    chair = replace(sequence, name="chair")
    with pytest.raises(KeyboardInterrupt):
        import_truth([chair, sequence.take(slice(0, 2))], str(out), None, stop)
    assert [path.name for path in (out / "videos").iterdir()] == ["chair.mp4"]
    with pytest.raises(KeyboardInterrupt):
        import_truth([sequence.take(slice(0, 2))], str(out), None, stop)
    two = (out / "videos/desk.mp4").read_bytes()
    status = import_truth([sequence.take(slice(0, None, 2))], str(out), None)
    assert status.num_frames == 2
    assert [path.name for path in (out / "videos").iterdir()] == ["desk.mp4"]
    assert (out / "videos/desk.mp4").read_bytes() != two


def test_a_folder_with_something_else_is_refused(tmp_path):
    sequence = make_sequence(tmp_path)
    (tmp_path / "out/videos").mkdir(parents=True)
    (tmp_path / "out/videos/desk.mp4").write_text("mine")
    with pytest.raises(RefusedError, match="is not empty and holds no imported truth"):
        import_truth([sequence], str(tmp_path / "out"), None)


def test_videos_of_other_sequences_are_refused(tmp_path):
    sequence = make_sequence(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        import_truth([sequence], str(tmp_path / "out"), None, stop)
    (tmp_path / "out/videos/chair.mp4").write_bytes(encode(sequence))
    with pytest.raises(RefusedError, match=r"chair\.mp4 is of one of the two only"):
        import_truth([sequence], str(tmp_path / "out"), None)


def test_importing_again_changes_nothing(tmp_path):
    sequence = make_sequence(tmp_path)
    import_truth([sequence], str(tmp_path / "out"), None)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    import_truth([sequence], str(tmp_path / "out"), None)
    assert before == {
        path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }


def test_what_is_missing_is_said(tmp_path):
    sequence = make_sequence(tmp_path, [make_person()])
    with pytest.raises(TruthError, match="desk: ann is of SMPL-X: give its models"):
        import_truth([sequence], str(tmp_path / "a"), None)
    with pytest.raises(
        TruthError, match=r"SMPLX_NEUTRAL\.npz: needed for a person, .*found 0\.png"
    ):
        import_truth([sequence], str(tmp_path / "b"), BodyFolder(tmp_path))
    with pytest.raises(TruthError, match="desk: its pictures are not beside the truth"):
        encode(replace(sequence, image_paths=None))
    with pytest.raises(TruthError, match=r"0\.png: is 33 x 24, and the truth is for 24 x 33"):
        encode(replace(sequence, width=HEIGHT, height=WIDTH))
    sequence.image_paths[1].unlink()
    with pytest.raises(TruthError, match=r"1\.png: not a picture that can be read"):
        encode(sequence)
