"""SMPL (Loper et al., 2015): the skin and joints of its own parameters and of SMPL-X bodies.

Ground truths in SMPL's parameters and labels in SMPL-X's are compared by what both have: SMPL's
skin. That of a truth is posed by the model of the person's gender, that of an SMPL-X body comes
from the deformation transfer that is distributed with the models (Pavlakos et al. 2019, "model
transfer"); joints are regressed from the skin of either, as the evaluations of WHAM, GVHMR and
Human3R do.

Letters: F people, V vertices of SMPL (6890), X vertices of SMPL-X, J = 22 joints in SMPL's order,
which are SMPL-X's body joints by name, P joints that MPJPE is taken of.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray

from evaluation.loaders.errors import TruthError
from evaluation.loaders.fields import contents, take, to_array
from evaluation.loaders.safe_pickle import read_pickle
from human3r_model.body import pose_bodies
from human3r_model.geometry import axis_angle_to_matrix
from schemas.joints import BODY_JOINTS

NUM_JOINTS = 24
NUM_BODY_JOINTS = len(BODY_JOINTS)
NUM_BETAS = 10
# Parent of each of SMPL's joints.
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
HIPS = (1, 2)
NUM_H36M_JOINTS = 17
# What Human3R's evaluation takes of Human3.6M's joints on 3DPW, in its order (their repository,
# src/dust3r/smpl_model.py): the legs, the arms, neck and head; and which of these are the hips.
H36M_JOINTS = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
H36M_HIPS = (2, 3)
_ADVICE = (
    "give SMPL's own .pkl; where chumpy computed the array, clean the file first with the smplx "
    "repository's tools/clean_ch.py"
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SmplPeople:
    """People in SMPL's parameters.

    Attributes:
        gender: [F] of the model they are for.
        pose: [F, 72] axis-angle of each joint to its parent; the first that of the body, camera.
        betas: [F, 10].
        transl: [F, 3] SMPL's own, metres, in the world of the dataset.
        camera_from_world: [F, 3, 4] from that world.
    """

    gender: NDArray[np.str_]
    pose: Floats
    betas: Floats
    transl: Floats
    camera_from_world: Floats

    def select(self, rows: NDArray[np.int64]) -> "SmplPeople":
        """The rows at those places."""
        return SmplPeople(**{name: values[rows] for name, values in vars(self).items()})


@dataclass(frozen=True, eq=False)
class SmplModel:
    """An SMPL model of one gender.

    Attributes:
        template: [V, 3] metres.
        shape_directions: [V, 3, 10].
        pose_directions: [V, 3, 207].
        joint_regressor: [24, V].
        skin_weights: [V, 24].
    """

    template: Floats
    shape_directions: Floats
    pose_directions: Floats
    joint_regressor: scipy.sparse.csr_matrix
    skin_weights: Floats

    @classmethod
    def from_file(cls, path: Path) -> "SmplModel":
        """Read SMPL_NEUTRAL.pkl and its like; nothing in it is run.

        Raises:
            TruthError: It is missing, damaged or not of SMPL.
        """
        fields = read_pickle(path)

        def numbers(name: str, *shape: int | None) -> Floats:
            return to_array(path, name, _present(path, fields, name), shape)

        template = numbers("v_template", None, 3)
        num_vertices = len(template)
        regressor = _matrix(path, fields, "J_regressor")
        if regressor.shape != (NUM_JOINTS, num_vertices):
            raise TruthError(
                path,
                f"J_regressor has shape {regressor.shape}, not {(NUM_JOINTS, num_vertices)}: not "
                "an SMPL model",
            )
        return cls(
            template=template,
            shape_directions=numbers("shapedirs", num_vertices, 3, None)[..., :NUM_BETAS],
            pose_directions=numbers("posedirs", num_vertices, 3, 9 * (NUM_JOINTS - 1)),
            joint_regressor=regressor,
            skin_weights=numbers("weights", num_vertices, NUM_JOINTS),
        )

    def skin(self, people: SmplPeople) -> Floats:
        """Vertices [F, V, 3] of people who are all of this model, camera, metres."""
        rotations = axis_angle_to_matrix(torch.from_numpy(people.pose.reshape(-1, NUM_JOINTS, 3)))
        vertices, joints = pose_bodies(
            torch.from_numpy(people.betas),
            rotations,
            torch.from_numpy(self.template),
            torch.from_numpy(self.shape_directions),
            torch.from_numpy(self.pose_directions),
            torch.from_numpy(self.joint_regressor.toarray()),
            torch.tensor(PARENTS),
            torch.from_numpy(self.skin_weights),
        )
        pelvis = joints[:, 0].numpy()
        turn, shift = people.camera_from_world[..., :3], people.camera_from_world[..., 3]
        place = (turn @ (pelvis + people.transl)[..., None])[..., 0] + shift
        placed: Floats = vertices.numpy() + (place - pelvis)[:, None]
        return placed


@dataclass(frozen=True, eq=False)
class MeasuredJoints:
    """The joints that MPJPE and PA-MPJPE are taken of.

    Attributes:
        name: What they are.
        regressor: [P, V].
        hips: Which two of them are.
    """

    name: str
    regressor: scipy.sparse.csr_matrix
    hips: tuple[int, int]


class SmplBodies:
    """Makes SMPL's skin of labels and of a truth, and takes joints from it.

    Attributes:
        measured: The joints that MPJPE is taken of.
    """

    def __init__(
        self,
        folder: Path,
        transfer: scipy.sparse.csr_matrix,
        joint_regressor: scipy.sparse.csr_matrix,
        measured: MeasuredJoints,
    ) -> None:
        """See `from_files`; models of genders are read when they are needed.

        Args:
            folder: Of SMPL_MALE.pkl, SMPL_FEMALE.pkl and SMPL_NEUTRAL.pkl.
            transfer: [V, X] from SMPL-X.
            joint_regressor: [24, V].
            measured: The joints that MPJPE is taken of.
        """
        self.measured = measured
        self._folder = folder
        self._transfer = transfer
        self._joint_regressor = joint_regressor
        self._models: dict[str, SmplModel] = {}

    @classmethod
    def from_files(cls, transfer: Path, model: Path, h36m: Path | None = None) -> "SmplBodies":
        """Read the transfer from SMPL-X to SMPL (`matrix` or `mtx`) and SMPL's own regressor.

        Args:
            transfer: smplx2smpl.pkl or smplx2smpl_deftrafo_setup.pkl.
            model: SMPL_NEUTRAL.pkl, with those of MALE and FEMALE beside it.
            h36m: J_regressor_h36m.npy, to take MPJPE of its joints; None takes it of SMPL's.

        Raises:
            TruthError: One of them is missing, damaged or something else.
        """
        fields = read_pickle(transfer)
        is_setup = isinstance(fields, dict) and "mtx" in fields
        matrix = _matrix(transfer, fields, "mtx" if is_setup else "matrix")
        if is_setup:  # [V, 2 X]: the second half is for normals, which joints have none of
            matrix = matrix[:, : matrix.shape[1] // 2]
        smpl = SmplModel.from_file(model)
        num_vertices = len(smpl.template)
        if matrix.shape[0] != num_vertices:
            raise TruthError(
                transfer,
                f"gives {matrix.shape[0]} vertices, and {model} has {num_vertices}: not the "
                "transfer from SMPL-X to SMPL",
            )
        measured = MeasuredJoints("SMPL's 24 joints", smpl.joint_regressor, HIPS)
        if h36m is not None:
            measured = _read_h36m(h36m, num_vertices)
        return cls(model.parent, matrix, smpl.joint_regressor, measured)

    def from_smplx(self, vertices: Floats) -> Floats:
        """SMPL's skin [F, V, 3] of SMPL-X's [F, X, 3]."""
        return _each(self._transfer, vertices)

    def skin(self, people: SmplPeople) -> Floats:
        """Vertices [F, V, 3] of people in SMPL's parameters, camera, metres.

        Raises:
            TruthError: The model of somebody's gender is missing or not SMPL's.
        """
        skins = np.empty((len(people.gender), self._transfer.shape[0], 3))
        for gender in np.unique(people.gender):
            rows = np.flatnonzero(people.gender == gender)
            skins[rows] = self._model(str(gender)).skin(people.select(rows))
        return skins

    def joints(self, vertices: Floats) -> Floats:
        """SMPL's body joints [F, J, 3] of its skin [F, V, 3]."""
        return _each(self._joint_regressor, vertices)[:, :NUM_BODY_JOINTS]

    def measured_joints(self, vertices: Floats) -> tuple[Floats, Floats]:
        """Joints [F, P, 3] that MPJPE is taken of, and the middle of their hips [F, 3]."""
        joints = _each(self.measured.regressor, vertices)
        return joints, joints[:, list(self.measured.hips)].mean(axis=1)

    def _model(self, gender: str) -> SmplModel:
        if gender not in self._models:
            path = self._folder / f"SMPL_{gender.upper()}.pkl"
            if not path.is_file():
                raise TruthError(
                    path,
                    f"needed for a person of the truth, and not there; {contents(self._folder)}. "
                    "Put SMPL's own .pkl files beside --smpl-model, named so",
                )
            self._models[gender] = SmplModel.from_file(path)
        return self._models[gender]


def _each(matrix: scipy.sparse.csr_matrix, bodies: Floats) -> Floats:
    """`matrix` [A, B] times each of bodies [F, B, 3]: [F, A, 3]."""
    products = [matrix @ body for body in bodies]
    return np.stack(products) if products else np.zeros((0, matrix.shape[0], 3))


def _read_h36m(path: Path, num_vertices: int) -> MeasuredJoints:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise TruthError(path, f"not a plain .npy array ({error})") from error
    regressor = to_array(path, "the regressor", values, (NUM_H36M_JOINTS, num_vertices))
    chosen = scipy.sparse.csr_matrix(regressor[list(H36M_JOINTS)])
    return MeasuredJoints("Human3.6M's 14 joints", chosen, H36M_HIPS)


def _present(path: Path, fields: Any, name: str) -> Any:
    value = take(path, fields, name)
    if value is None:
        raise TruthError(path, f"{name} is not a plain array: {_ADVICE}")
    return value


def _matrix(path: Path, fields: Any, name: str) -> scipy.sparse.csr_matrix:
    """A matrix, sparse or not."""
    value = _present(path, fields, name)
    if not scipy.sparse.issparse(value):
        value = to_array(path, name, value, (None, None))
    return scipy.sparse.csr_matrix(value, dtype=np.float64)
