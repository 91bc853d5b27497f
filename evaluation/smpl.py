"""SMPL (Loper et al., 2015): its joints, of its own parameters and of SMPL-X bodies.

Ground truths in SMPL's parameters and labels in SMPL-X's are compared by joints that both have:
SMPL's own, which its regressor takes from SMPL's vertices. Those of an SMPL-X body come from the
deformation transfer that is distributed with the models (Pavlakos et al. 2019, "model transfer").

Letters: F people, V vertices of SMPL (6890), X vertices of SMPL-X, J = 22 joints in SMPL's order,
which are SMPL-X's body joints by name.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from evaluation.loaders.errors import TruthError
from evaluation.loaders.fields import take, to_array
from evaluation.loaders.safe_pickle import read_pickle
from schemas.joints import BODY_JOINTS

NUM_JOINTS = 24
NUM_BODY_JOINTS = len(BODY_JOINTS)
NUM_BETAS = 10
# Parent of each of SMPL's joints.
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
_ADVICE = (
    "give SMPL's own .pkl; where chumpy computed the array, clean the file first with the smplx "
    "repository's tools/clean_ch.py"
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SmplModel:
    """What joints need of an SMPL model.

    Attributes:
        template: [V, 3] metres.
        shape_directions: [V, 3, 10].
        joint_regressor: [24, V].
    """

    template: Floats
    shape_directions: Floats
    joint_regressor: scipy.sparse.csr_matrix

    @classmethod
    def from_file(cls, path: Path) -> "SmplModel":
        """Read SMPL_NEUTRAL.pkl and its like; nothing in it is run.

        Raises:
            TruthError: It is missing, damaged or not of SMPL.
        """
        fields = read_pickle(path)
        template = to_array(path, "v_template", _present(path, fields, "v_template"), (None, 3))
        shapes = to_array(
            path, "shapedirs", _present(path, fields, "shapedirs"), (len(template), 3, None)
        )
        regressor = _matrix(path, fields, "J_regressor")
        if regressor.shape != (NUM_JOINTS, len(template)):
            raise TruthError(
                path,
                f"J_regressor has shape {regressor.shape}, not {(NUM_JOINTS, len(template))}: not "
                "an SMPL model",
            )
        return cls(template, shapes[..., :NUM_BETAS], regressor)

    def joints(self, rotations: Floats, betas: Floats) -> tuple[Floats, Floats]:
        """Posed joints around the rest pelvis, and where that is.

        Args:
            rotations: [F, 24, 3, 3] of each joint to its parent; the first that of the body.
            betas: [F, 10].

        Returns:
            [F, 24, 3] from the pelvis, and [F, 3] the pelvis at rest: SMPL's own `trans` moves
            their sum.
        """
        rest_bodies = self.template + np.einsum("vds,fs->fvd", self.shape_directions, betas)
        rest = np.stack([self.joint_regressor @ body for body in rest_bodies])  # [F, 24, 3]
        turns, places = [rotations[:, 0]], [np.zeros((len(rest), 3))]
        for joint, parent in enumerate(PARENTS[1:], start=1):
            bone = rest[:, joint] - rest[:, parent]
            places.append(places[parent] + (turns[parent] @ bone[..., None])[..., 0])
            turns.append(turns[parent] @ rotations[:, joint])
        return np.stack(places, axis=1), rest[:, 0]


@dataclass(frozen=True, eq=False)
class SmplJoints:
    """Takes SMPL's joints from SMPL-X's vertices.

    Attributes:
        regressor: [J, X].
    """

    regressor: scipy.sparse.csr_matrix

    @classmethod
    def from_files(cls, transfer: Path, model: Path) -> "SmplJoints":
        """Join the transfer from SMPL-X to SMPL (`matrix` or `mtx`) with SMPL's own regressor.

        Args:
            transfer: smplx2smpl.pkl or smplx2smpl_deftrafo_setup.pkl.
            model: SMPL_NEUTRAL.pkl.

        Raises:
            TruthError: One of them is missing, damaged or something else.
        """
        fields = read_pickle(transfer)
        is_setup = isinstance(fields, dict) and "mtx" in fields
        matrix = _matrix(transfer, fields, "mtx" if is_setup else "matrix")
        if is_setup:  # [V, 2 X]: the second half is for normals, which joints have none of
            matrix = matrix[:, : matrix.shape[1] // 2]
        smpl = SmplModel.from_file(model)
        if matrix.shape[0] != len(smpl.template):
            raise TruthError(
                transfer,
                f"gives {matrix.shape[0]} vertices, and {model} has {len(smpl.template)}: not the "
                "transfer from SMPL-X to SMPL",
            )
        return cls((smpl.joint_regressor @ matrix)[:NUM_BODY_JOINTS].tocsr())

    def of(self, vertices: Floats) -> Floats:
        """[F, J, 3] of [F, X, 3]."""
        return np.stack([self.regressor @ body for body in vertices])


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
