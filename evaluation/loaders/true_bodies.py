"""Places a truth's SMPL-X people in front of the camera; tells them as neutral SMPL-X.

Letters: F frames of a person. Metres, camera frame unless said otherwise.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.loaders.errors import TruthError
from evaluation.loaders.fields import contents
from evaluation.loaders.sequence import Gender, TruePerson
from human3r_model.body import NUM_ROTATIONS, BodyModel, world_root
from human3r_model.body_file import NUM_EXPRESSIONS, NUM_SHAPES, BodyArrays, read_body_file
from human3r_model.geometry import axis_angle_to_matrix
from schemas.joints import JOINT_INDICES

FIRST_HAND, FIRST_JAW = 22, 52  # among the 53 rotations


@dataclass(frozen=True, eq=False)
class PlacedTruth:
    """One person, placed.

    Attributes:
        rotations: [F, 53, 3, 3] as the network gives them; what the files lack is at rest.
        betas: [F, 10] of the neutral model: those whose body at rest is nearest.
        head_position: [F, 3].
        joints: [F, 52, 3] of the person's own model.
    """

    rotations: NDArray[np.float32]
    betas: NDArray[np.float32]
    head_position: NDArray[np.float64]
    joints: NDArray[np.float64]


class BodyFolder:
    """SMPLX_NEUTRAL.npz, SMPLX_MALE.npz and SMPLX_FEMALE.npz, read when needed."""

    def __init__(self, folder: Path) -> None:
        """Point at the folder; nothing is read yet."""
        self._folder = folder
        self._bodies: dict[Gender, tuple[BodyArrays, BodyModel]] = {}

    @cached_property
    def neutral_sha256(self) -> str:
        """Hash of the neutral model, which labels to be compared are made with."""
        return self._read("neutral")[1].sha256

    def place(
        self, person: TruePerson, world_from_camera: NDArray[np.float64] | None
    ) -> PlacedTruth:
        """Place one person.

        Args:
            person: Of SMPL-X.
            world_from_camera: [F, 4, 4]; None where `person` has its translation in the camera.

        Raises:
            TruthError: The model of the person's gender is not in the folder.
            BodyModelError: It is not an SMPL-X model.
        """
        body = self._read(person.gender)[1]
        num_frames = len(person.frame)
        rotations = _rotations(person)
        shapes = torch.from_numpy(person.betas[:, :NUM_SHAPES].astype(np.float32))
        at_origin = body.place_skeletons(
            rotations,
            shapes,
            torch.zeros(num_frames, NUM_EXPRESSIONS),
            torch.zeros(num_frames, 3),
        )
        if person.transl is None:
            assert world_from_camera is not None
            assert person.global_orient_world is not None
            _, transl = world_root(
                axis_angle_to_matrix(torch.from_numpy(person.global_orient_world)),
                torch.from_numpy(person.transl_world),
                at_origin.rest_pelvis,
                torch.linalg.inv(torch.from_numpy(world_from_camera)),
            )
        else:
            transl = torch.from_numpy(person.transl)
        # With its head at the origin the body's own translation is minus its head at transl 0.
        head = (transl - at_origin.transl).double()
        joints = at_origin.joints[:, list(JOINT_INDICES)].double() + head[:, None]
        return PlacedTruth(
            rotations=rotations.numpy(),
            betas=self._neutral_betas(person.gender, shapes.numpy()),
            head_position=head.numpy(),
            joints=joints.numpy(),
        )

    def _neutral_betas(self, gender: Gender, betas: NDArray[np.float32]) -> NDArray[np.float32]:
        """Least squares over the vertices of the body at rest; all models share their vertices."""
        if gender == "neutral":
            return betas
        own, neutral = self._read(gender)[0], self._read("neutral")[0]
        shapes = own.shape_directions[..., :NUM_SHAPES].reshape(-1, NUM_SHAPES)
        basis = neutral.shape_directions[..., :NUM_SHAPES].reshape(-1, NUM_SHAPES)
        unique, place = np.unique(betas, axis=0, return_inverse=True)
        bodies = (own.template - neutral.template).reshape(-1, 1) + shapes @ unique.T
        fitted = np.linalg.lstsq(basis, bodies, rcond=None)[0].T
        return fitted[place.reshape(-1)].astype(np.float32)

    def _read(self, gender: Gender) -> tuple[BodyArrays, BodyModel]:
        if gender not in self._bodies:
            path = self._folder / f"SMPLX_{gender.upper()}.npz"
            if not path.is_file():
                raise TruthError(
                    path,
                    f"needed for a person, and not there; {contents(self._folder)}. Put SMPL-X's "
                    "own .npz files there",
                )
            self._bodies[gender] = (read_body_file(path), BodyModel.from_file(path))
        return self._bodies[gender]


def _rotations(person: TruePerson) -> torch.Tensor:
    """[F, 53, 3, 3] with everything at rest that the truth does not tell."""
    num_frames = len(person.frame)
    vectors = np.zeros((num_frames, NUM_ROTATIONS, 3))
    vectors[:, 0] = person.global_orient
    vectors[:, 1:FIRST_HAND] = person.body_pose.reshape(num_frames, FIRST_HAND - 1, 3)
    if person.hand_pose is not None:
        hands = person.hand_pose.reshape(num_frames, FIRST_JAW - FIRST_HAND, 3)
        vectors[:, FIRST_HAND:FIRST_JAW] = hands
    return axis_angle_to_matrix(torch.from_numpy(vectors)).float()
