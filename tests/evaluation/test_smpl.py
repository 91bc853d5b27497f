"""SMPL's skin and joints: of its own parameters, of SMPL-X bodies, and compared with each other.

The SMPL here is the free body cut down to what SMPL has: its vertices as they are, its first 22
joints and two hands, which move what the fingers and the face move. So the free body says what is
right.
"""

import pickle
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse
import torch
from scipy.spatial.transform import Rotation

from evaluation.dataset import Dataset
from evaluation.errors import EvaluationError
from evaluation.evaluate import evaluate
from evaluation.loaders.errors import TruthError
from evaluation.smpl import SmplBodies, SmplModel, SmplPeople
from human3r_model.body_file import PARENTS, read_body_file
from human3r_model.geometry import axis_angle_to_matrix
from pipeline.storage import Store
from schemas.truth_files import SMPL_PEOPLE
from tests.commands import h3r
from tests.conftest import FREE_BODY
from tests.evaluation.small_scene import make_scene, write_scene

HANDS = [25, 40]  # the first joint of each hand, in SMPL-X's order
SCENE = make_scene()
# Nobody of SMPL moves their fingers or their jaw.
STIFF = replace(SCENE, rotations=SCENE.rotations.copy())
STIFF.rotations[:, :, 22:] = np.eye(3)


def save(path, content):
    path.write_bytes(pickle.dumps(content, 2))
    return path


def smpl_joint(joint):
    """Which of SMPL's joints moves what joint of SMPL-X moves: a finger's is its wrist's hand."""
    while joint >= 22 and joint not in HANDS:
        joint = PARENTS[joint] if PARENTS[joint] not in (20, 21) else HANDS[PARENTS[joint] - 20]
    return 22 + HANDS.index(joint) if joint in HANDS else joint


@pytest.fixture(scope="module")
def smpl_fields():
    arrays = read_body_file(FREE_BODY)
    weights = np.zeros((len(arrays.template), 24))
    for joint, share in enumerate(arrays.skin_weights.T):
        weights[:, smpl_joint(joint)] += share
    return {
        "v_template": arrays.template,
        "shapedirs": arrays.shape_directions,
        "posedirs": np.zeros((len(weights), 3, 207)),
        "weights": weights,
        "J_regressor": scipy.sparse.csc_matrix(arrays.joint_regressor[[*range(22), *HANDS]]),
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory, smpl_fields):
    """(the transfer, SMPL's model): every vertex of SMPL-X is SMPL's of the same number."""
    folder = tmp_path_factory.mktemp("smpl")
    num_vertices = len(smpl_fields["v_template"])
    transfer = {"matrix": scipy.sparse.identity(num_vertices, format="csr")}
    for gender in ("NEUTRAL", "MALE"):
        model = save(folder / f"SMPL_{gender}.pkl", smpl_fields)
    return save(folder / "smplx2smpl.pkl", transfer), model.with_name("SMPL_NEUTRAL.pkl")


@pytest.fixture(scope="module")
def smpl(files):
    return SmplBodies.from_files(*files)


def random_people(count, camera_from_world, gender="neutral"):
    random = np.random.default_rng(1)
    return SmplPeople(
        gender=np.array([gender] * count),
        pose=random.normal(0, 0.3, (count, 72)),
        betas=random.normal(size=(count, 10)),
        transl=random.normal(size=(count, 3)),
        camera_from_world=np.stack([camera_from_world[:3]] * count),
    )


def test_the_skin_of_parameters_is_the_bodys(files, free_body):
    people = random_people(3, np.eye(4))
    people.pose[:, 66:] = 0  # the hands, which SMPL-X has no joint for
    vertices = SmplModel.from_file(files[1]).skin(people)
    rotations = torch.eye(3, dtype=torch.float64).repeat(3, 53, 1, 1)
    vectors = torch.from_numpy(people.pose.reshape(3, 24, 3))
    rotations[:, :22] = axis_angle_to_matrix(vectors[:, :22])
    placed = free_body.place(
        rotations, torch.from_numpy(people.betas), torch.zeros(3, 10), torch.zeros(3, 3)
    )
    expected = placed.vertices - placed.transl[:, None] + torch.from_numpy(people.transl)[:, None]
    assert vertices == pytest.approx(expected.numpy(), abs=1e-5)


def test_a_pose_bends_the_skin_by_its_correctives(tmp_path, smpl_fields):
    directions = np.zeros_like(smpl_fields["posedirs"])
    directions[7, 1, 0] = 0.5  # the first number of joint 1's rotation less the identity
    model = SmplModel.from_file(save(tmp_path / "a.pkl", smpl_fields | {"posedirs": directions}))
    plain = SmplModel.from_file(save(tmp_path / "b.pkl", smpl_fields))
    people = random_people(1, np.eye(4))
    people.pose[:] = 0
    people.pose[0, 3:6] = [0, 0, np.pi / 3]  # cos 60 - 1 = -0.5
    moved = np.linalg.norm(model.skin(people) - plain.skin(people), axis=-1)[0]
    assert moved[7] == pytest.approx(0.25)
    assert np.count_nonzero(moved) == 1


def test_the_camera_moves_the_skin(files):
    """`pose` has the body in the camera's frame, `transl` is SMPL's in the world."""
    model = SmplModel.from_file(files[1])
    turn = Rotation.from_rotvec([0.2, 1, -0.4])
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3], camera_from_world[:3, 3] = turn.as_matrix(), [1, 2, 3]
    in_world = random_people(2, np.eye(4))
    seen = random_people(2, camera_from_world)
    seen.pose[:, :3] = (turn * Rotation.from_rotvec(in_world.pose[:, :3])).as_rotvec()
    expected = model.skin(in_world) @ turn.as_matrix().T + [1, 2, 3]
    assert model.skin(seen) == pytest.approx(expected, abs=1e-9)


def test_each_is_of_their_own_model(files, tmp_path, smpl_fields):
    larger = smpl_fields | {"v_template": smpl_fields["v_template"] * 1.1}
    save(tmp_path / "SMPL_MALE.pkl", larger)
    save(tmp_path / "SMPL_FEMALE.pkl", smpl_fields)
    bodies = SmplBodies.from_files(files[0], save(tmp_path / "SMPL_NEUTRAL.pkl", smpl_fields))
    people = random_people(3, np.eye(4))
    mixed = replace(people, gender=np.array(["male", "female", "male"]))
    skins = bodies.skin(mixed)
    for place, fields in enumerate((larger, smpl_fields, larger)):
        model = SmplModel.from_file(save(tmp_path / "one.pkl", fields))
        assert skins[place] == pytest.approx(model.skin(people)[place])


def test_a_missing_model_of_a_gender_is_named(smpl):
    with pytest.raises(
        TruthError, match=r"SMPL_FEMALE\.pkl: needed for a person .* found SMPL_MALE\.pkl, SMPL_N"
    ):
        smpl.skin(random_people(1, np.eye(4), "female"))


def test_joints_are_regressed_from_the_skin(smpl, smpl_fields):
    vertices = np.stack([smpl_fields["v_template"], 2 * smpl_fields["v_template"] + 1])
    regressor = smpl_fields["J_regressor"].toarray()
    assert smpl.from_smplx(vertices).tolist() == vertices.tolist()
    assert smpl.joints(vertices) == pytest.approx(regressor[:22] @ vertices)
    joints, hips = smpl.measured_joints(vertices)
    assert joints == pytest.approx(regressor @ vertices)
    assert hips == pytest.approx((joints[:, 1] + joints[:, 2]) / 2)


@pytest.fixture(scope="module")
def h36m(tmp_path_factory, smpl_fields):
    """Joint i is vertex 100 i."""
    regressor = np.zeros((17, len(smpl_fields["v_template"])))
    regressor[np.arange(17), 100 * np.arange(17)] = 1
    path = tmp_path_factory.mktemp("h36m") / "J_regressor_h36m.npy"
    np.save(path, regressor)
    return path


def test_the_joints_of_human36m(files, h36m, smpl_fields):
    bodies = SmplBodies.from_files(*files, h36m)
    vertices = smpl_fields["v_template"][None]
    joints, hips = bodies.measured_joints(vertices)
    places = [600, 500, 400, 100, 200, 300, 1600, 1500, 1400, 1100, 1200, 1300, 800, 1000]
    assert joints.tolist() == vertices[:, places].tolist()
    assert hips.tolist() == [((vertices[0, 400] + vertices[0, 100]) / 2).tolist()]
    assert bodies.joints(vertices).shape == (1, 22, 3)


def test_the_setup_file_of_the_transfer_has_a_half_for_normals(smpl, files, tmp_path, smpl_fields):
    num_vertices = len(smpl_fields["v_template"])
    halves = [scipy.sparse.identity(num_vertices), 9 * scipy.sparse.identity(num_vertices)]
    setup = {"mtx": scipy.sparse.csc_matrix(scipy.sparse.hstack(halves))}
    bodies = SmplBodies.from_files(save(tmp_path / "setup.pkl", setup), files[1])
    vertices = smpl_fields["v_template"][None]
    assert bodies.from_smplx(vertices).tolist() == smpl.from_smplx(vertices).tolist()


@pytest.fixture(scope="module")
def pred(tmp_path_factory, free_body):
    return write_scene(tmp_path_factory.mktemp("pred"), STIFF, free_body)


def truth_of(folder, pred, body, betas_off=0.0, gender="male"):
    """The truth of SMPL that `pred` hits, but for the second shape being `betas_off` more."""
    write_scene(folder, STIFF, None)
    clip = pred.read_clip(pred.clips["walk.mp4"][0])
    people = clip.people
    placed = body.place_skeletons(
        axis_angle_to_matrix(torch.from_numpy(people.axis_angle)),
        torch.from_numpy(people.betas),
        torch.from_numpy(people.expression),
        torch.from_numpy(people.head_position),
    )
    pose = np.zeros((len(people.frame), 24, 3))
    pose[:, :22] = people.axis_angle[:, :22]
    betas = people.betas.copy()
    betas[:, 1] += betas_off
    camera_from_world = np.linalg.inv(clip.world_from_camera[people.frame])[:, :3]
    # SMPL turns a body about its pelvis at rest and then moves it, here in the clip's world.
    at_rest = placed.rest_pelvis.double().numpy()
    pelvis = (placed.joints[:, 0].double().numpy() - camera_from_world[..., 3])[:, None]
    transl = (pelvis @ camera_from_world[..., :3])[:, 0] - at_rest
    rows = {
        "uri": ["walk.mp4"] * len(pose),
        "frame_index": clip.frame_index[people.frame],
        "track_id": people.track_id,
        "gender": [gender] * len(pose),
        "pose": pose.reshape(len(pose), -1).tolist(),
        "betas": betas.tolist(),
        "transl": transl.tolist(),
        "camera_from_world": camera_from_world.reshape(-1, 12).tolist(),
    }
    pq.write_table(pa.table(rows, SMPL_PEOPLE.schema), folder / SMPL_PEOPLE.path)
    return Dataset(Store(str(folder)))


def metrics(evaluation):
    return {metric.name: metric for metric in evaluation.metrics}


def test_labels_that_hit_a_truth_of_smpl(pred, free_body, smpl, tmp_path):
    truth = truth_of(tmp_path, pred, free_body)
    found = metrics(evaluate(pred, truth, body=free_body, smpl=smpl))
    for name in ("MPJPE", "PA-MPJPE", "PVE", "W-MPJPE", "WA-MPJPE", "RTE"):
        assert found[name].value == pytest.approx(0, abs=0.01), name
    assert (found["MPJPE"].num_samples, found["PVE"].num_samples) == (24, 24)
    assert found["MPJPE"].note.endswith("; SMPL's 24 joints")


def test_labels_of_another_shape(pred, free_body, files, h36m, smpl, tmp_path):
    truth = truth_of(tmp_path, pred, free_body, betas_off=1.0)
    found = metrics(evaluate(pred, truth, body=free_body, smpl=smpl))
    by_h36m = metrics(
        evaluate(pred, truth, body=free_body, smpl=SmplBodies.from_files(*files, h36m))
    )
    clip = pred.read_clip(pred.clips["walk.mp4"][0])
    table = Dataset(Store(str(tmp_path))).read_smpl_people()[1]
    other = smpl.skin(table)
    own = smpl.skin(replace(table, betas=clip.people.betas))
    regressor = np.load(h36m)
    for measured, hips, joints in (
        (found, (1, 2), lambda skin: smpl.measured_joints(skin)[0]),
        (by_h36m, (1, 4), lambda skin: regressor @ skin),
    ):
        middles = [joints(skin)[:, list(hips)].mean(axis=1)[:, None] for skin in (own, other)]
        skin_mm = 1000 * np.linalg.norm((own - middles[0]) - (other - middles[1]), axis=-1)
        assert measured["PVE"].value == pytest.approx(skin_mm.mean(), abs=0.02)
        chosen = slice(None) if measured is found else [6, 5, 4, 1, 2, 3, *range(11, 17), 8, 10]
        joints_mm = 1000 * np.linalg.norm(
            (joints(own) - middles[0])[:, chosen] - (joints(other) - middles[1])[:, chosen], axis=-1
        )
        assert measured["MPJPE"].value == pytest.approx(joints_mm.mean(), abs=0.02)
        assert measured["MPJPE"].value > 1
    assert by_h36m["MPJPE"].note.endswith("; Human3.6M's 14 joints")
    assert by_h36m["W-MPJPE"].value == found["W-MPJPE"].value


def test_the_command(pred, files, h36m, free_body, tmp_path):
    truth_of(tmp_path, pred, free_body)
    answer = h3r(
        "evaluate", pred.side.uri, tmp_path, "--body-model", FREE_BODY,
        "--smplx-to-smpl", files[0], "--smpl-model", files[1], "--h36m-regressor", h36m,
    )  # fmt: skip
    assert answer.exit_code == 0, answer.stderr
    assert "; Human3.6M's 14 joints" in answer.stdout


def test_without_the_files_bodies_are_not_measured(pred, free_body, tmp_path):
    truth = truth_of(tmp_path, pred, free_body)
    found = metrics(evaluate(pred, truth))
    assert found["F1"].value == 1
    for name in ("MPJPE", "PVE"):
        assert found[name].note == (
            "the truth is of SMPL: give --body-model, --smpl-model and --smplx-to-smpl"
        )


def test_who_of_a_truth_has_no_parameters_is_not_compared(pred, free_body, smpl, tmp_path):
    truth_of(tmp_path, pred, free_body)
    path = tmp_path / SMPL_PEOPLE.path
    pq.write_table(pq.read_table(path).slice(0, 5), path)
    found = metrics(evaluate(pred, Dataset(Store(str(tmp_path))), body=free_body, smpl=smpl))
    assert found["MPJPE"].num_samples == found["PVE"].num_samples == 5
    assert found["Recall"].value == 1


def test_smpls_model_for_a_truth_of_smplx_is_refused(pred, smpl, free_body):
    with pytest.raises(EvaluationError, match="holds nobody in SMPL's parameters, so SMPL's model"):
        evaluate(pred, pred, body=free_body, smpl=smpl)


def test_a_missing_gender_stops_the_comparison(pred, free_body, smpl, tmp_path):
    truth = truth_of(tmp_path, pred, free_body, gender="female")
    with pytest.raises(TruthError, match=r"SMPL_FEMALE\.pkl: .* beside --smpl-model, named so"):
        evaluate(pred, truth, body=free_body, smpl=smpl)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"J_regressor": np.eye(3)}, r"J_regressor has shape \(3, 3\), not \(24, 10475\)"),
        ({"shapedirs": None}, "shapedirs is not a plain array: give SMPL's own"),
        ({"v_template": np.zeros(3)}, r"v_template has shape \(3,\)"),
        ({"weights": np.zeros((10475, 55))}, r"weights has shape \(10475, 55\)"),
    ],
)
def test_a_file_that_is_not_smpls_is_named(tmp_path, smpl_fields, change, message):
    path = save(tmp_path / "SMPL_MALE.pkl", smpl_fields | change)
    with pytest.raises(TruthError, match=rf"SMPL_MALE\.pkl: {message}"):
        SmplModel.from_file(path)


def test_other_files_are_named(files, tmp_path):
    path = save(tmp_path / "smplx2smpl.pkl", {"matrix": np.eye(3)})
    with pytest.raises(TruthError, match=r"smplx2smpl\.pkl: gives 3 vertices, and .* has 10475"):
        SmplBodies.from_files(path, files[1])
    np.save(tmp_path / "a.npy", np.zeros((17, 3)))
    with pytest.raises(TruthError, match=r"a\.npy: the regressor has shape \(17, 3\): expected"):
        SmplBodies.from_files(*files, tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.array([None]), allow_pickle=True)
    with pytest.raises(TruthError, match=r"a\.npy: not a plain \.npy array"):
        SmplBodies.from_files(*files, tmp_path / "a.npy")
