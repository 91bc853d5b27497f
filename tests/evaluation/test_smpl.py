"""SMPL's joints: of its own parameters, of SMPL-X bodies, and compared with each other.

The SMPL here is the free body cut down to what SMPL has: its vertices as they are, its first 22
joints and two hands. So the free body says what is right.
"""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse
import torch

from evaluation.dataset import Dataset
from evaluation.errors import EvaluationError
from evaluation.evaluate import evaluate
from evaluation.loaders.errors import TruthError
from evaluation.smpl import SmplJoints, SmplModel
from human3r_model.body_file import read_body_file
from human3r_model.geometry import axis_angle_to_matrix
from pipeline.storage import Store
from tests.conftest import FREE_BODY
from tests.evaluation.small_scene import make_scene, write_scene

SCENE = make_scene()
HANDS = [25, 40]  # the first joint of each hand, in SMPL-X's order


def save(path, content):
    path.write_bytes(pickle.dumps(content, 2))
    return path


@pytest.fixture(scope="module")
def smpl_fields():
    arrays = read_body_file(FREE_BODY)
    regressor = arrays.joint_regressor[[*range(22), *HANDS]]
    return {
        "v_template": arrays.template,
        "shapedirs": arrays.shape_directions,
        "J_regressor": scipy.sparse.csc_matrix(regressor),
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory, smpl_fields):
    """(the transfer, SMPL's model): every vertex of SMPL-X is SMPL's of the same number."""
    folder = tmp_path_factory.mktemp("smpl")
    num_vertices = len(smpl_fields["v_template"])
    transfer = {"matrix": scipy.sparse.identity(num_vertices, format="csr")}
    return (
        save(folder / "smplx2smpl.pkl", transfer),
        save(folder / "SMPL_NEUTRAL.pkl", smpl_fields),
    )


def test_joints_of_parameters_are_the_skeletons(files, free_body):
    turns = torch.from_numpy(np.random.default_rng(1).normal(0, 0.4, (3, 24, 3)))
    rotations = axis_angle_to_matrix(turns)
    betas = np.linspace(-1, 1, 30).reshape(3, 10)
    from_pelvis, pelvis = SmplModel.from_file(files[1]).joints(rotations.numpy(), betas)
    whole = torch.eye(3, dtype=torch.float64).repeat(3, 53, 1, 1)
    whole[:, :22] = rotations[:, :22]
    placed = free_body.place_skeletons(
        whole.float(), torch.from_numpy(betas).float(), torch.zeros(3, 10), torch.zeros(3, 3)
    )
    expected = (placed.joints - placed.joints[:, :1])[:, :22].numpy()
    assert from_pelvis[:, :22] == pytest.approx(expected, abs=1e-5)
    assert pelvis == pytest.approx(placed.rest_pelvis.numpy(), abs=1e-5)


def test_joints_of_a_skin_are_regressed(files, smpl_fields):
    vertices = np.stack([smpl_fields["v_template"], 2 * smpl_fields["v_template"] + 1])
    regressor = smpl_fields["J_regressor"].toarray()[:22]
    assert SmplJoints.from_files(*files).of(vertices) == pytest.approx(regressor @ vertices)


def test_the_setup_file_of_the_transfer_has_a_half_for_normals(files, tmp_path, smpl_fields):
    num_vertices = len(smpl_fields["v_template"])
    halves = [scipy.sparse.identity(num_vertices), 9 * scipy.sparse.identity(num_vertices)]
    setup = {"mtx": scipy.sparse.csc_matrix(scipy.sparse.hstack(halves))}
    both = [
        SmplJoints.from_files(transfer, files[1]).regressor
        for transfer in (files[0], save(tmp_path / "setup.pkl", setup))
    ]
    assert abs(both[0] - both[1]).max() == 0


@pytest.fixture(scope="module")
def pred(tmp_path_factory, free_body):
    return write_scene(tmp_path_factory.mktemp("pred"), SCENE, free_body)


def truth_of(folder, pred, body, smpl, off_m=0.0):
    """The truth of SMPL that `pred` hits, but for all joints save the hips being `off_m` down."""
    write_scene(folder, SCENE, None)
    clip = pred.read_clip(pred.clips["walk.mp4"][0])
    people = clip.people
    vertices = body.place(
        axis_angle_to_matrix(torch.from_numpy(people.axis_angle)),
        torch.from_numpy(people.betas),
        torch.from_numpy(people.expression),
        torch.from_numpy(people.head_position),
    ).vertices
    joints = smpl.of(vertices.double().numpy())
    joints[:, [0, *range(3, 22)], 1] += off_m
    rows = {
        "uri": ["walk.mp4"] * len(joints),
        "frame_index": clip.frame_index[people.frame],
        "track_id": people.track_id,
        "joints": joints.reshape(len(joints), -1).tolist(),
    }
    pq.write_table(pa.table(rows), folder / "smpl_joints.parquet")
    return Dataset(Store(str(folder)))


def metrics(evaluation):
    return {metric.name: metric for metric in evaluation.metrics}


def test_labels_are_compared_by_smpls_joints(pred, free_body, files, tmp_path):
    smpl = SmplJoints.from_files(*files)
    same = truth_of(tmp_path / "same", pred, free_body, smpl)
    found = metrics(evaluate(pred, same, body=free_body, smpl=smpl))
    assert found["MPJPE"].value == pytest.approx(0, abs=1e-3)
    assert found["MPJPE"].num_samples == 24
    assert found["WA-MPJPE"].value == pytest.approx(0, abs=1e-3)
    assert found["PVE"].value is None
    lower = truth_of(tmp_path / "lower", pred, free_body, smpl, off_m=0.022)
    found = metrics(evaluate(pred, lower, body=free_body, smpl=smpl))
    assert found["MPJPE"].value == pytest.approx(20, abs=1e-3)  # 22 mm at 20 of 22 joints


def test_without_the_files_joints_are_not_measured(pred, free_body, files, tmp_path):
    truth = truth_of(tmp_path, pred, free_body, SmplJoints.from_files(*files))
    found = metrics(evaluate(pred, truth))
    assert found["F1"].value == 1
    assert found["MPJPE"].note == (
        "the truth's joints are SMPL's: give --body-model, --smpl-model and --smplx-to-smpl"
    )
    assert found["PVE"].note == "the truth is of SMPL, whose skin is not SMPL-X's"


def test_smpls_model_for_a_truth_of_smplx_is_refused(pred, files, free_body):
    smpl = SmplJoints.from_files(*files)
    with pytest.raises(EvaluationError, match="holds no joints of SMPL"):
        evaluate(pred, pred, body=free_body, smpl=smpl)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"J_regressor": np.eye(3)}, r"J_regressor has shape \(3, 3\), not \(24, 10475\)"),
        ({"shapedirs": None}, "shapedirs is not a plain array: give SMPL's own"),
        ({"v_template": np.zeros(3)}, r"v_template has shape \(3,\)"),
    ],
)
def test_a_file_that_is_not_smpls_is_named(tmp_path, smpl_fields, change, message):
    path = save(tmp_path / "SMPL_MALE.pkl", smpl_fields | change)
    with pytest.raises(TruthError, match=rf"SMPL_MALE\.pkl: {message}"):
        SmplModel.from_file(path)


def test_another_transfer_is_named(files, tmp_path):
    path = save(tmp_path / "smplx2smpl.pkl", {"matrix": np.eye(3)})
    with pytest.raises(TruthError, match=r"smplx2smpl\.pkl: gives 3 vertices, and .* has 10475"):
        SmplJoints.from_files(path, files[1])
