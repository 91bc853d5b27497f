"""SMPL-X bodies: puts the network's people in front of the camera, and their roots in the world.

The only module that imports `smplx`, whose licence is non-commercial. `smplx.create` unpickles
what it loads, so the file is read by `body_file` and only the package's kinematics is used.
Letters: N people, V vertices, F faces. Metres; OpenCV axes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from smplx.lbs import batch_rigid_transform, lbs
from torch import Tensor

from human3r_model.body_file import (
    NUM_EXPRESSIONS,
    NUM_JOINTS,
    NUM_SHAPES,
    PARENTS,
    read_body_file,
)
from human3r_model.errors import InputError

NUM_ROTATIONS = 53  # global, 21 body, 15 left hand, 15 right hand, jaw: the eyes are not predicted
HEAD = 15
CHUNK = 16  # people skinned at once: 8 MB of vertex transforms


@dataclass(frozen=True, eq=False)
class PlacedSkeletons:
    """Skeletons in front of the camera.

    Attributes:
        transl: [N, 3] SMPL-X's own `transl`, camera, metres.
        joints: [N, 55, 3] joints in SMPL-X's order, camera, metres.
        rest_pelvis: [N, 3] pelvis at rest (it depends on the shape), body frame, metres.
    """

    transl: Tensor
    joints: Tensor
    rest_pelvis: Tensor


@dataclass(frozen=True, eq=False)
class PlacedBodies(PlacedSkeletons):
    """Skeletons with their skin.

    Attributes:
        vertices: [N, V, 3] camera, metres.
    """

    vertices: Tensor


@dataclass(frozen=True, eq=False)
class PlacedBones(PlacedSkeletons):
    """Skeletons with what skinning needs, for those who skin themselves.

    Attributes:
        rest: [N, V, 3] vertices before skinning: shape and pose correctives, body frame, metres.
        transforms: [N, 55, 3, 4] of each joint, from the body frame to the camera's.
    """

    rest: Tensor
    transforms: Tensor


@dataclass(frozen=True, eq=False)
class BodyModel:
    """One body model: neutral, flat hands, no PCA, 10 shapes, 10 expressions, eyes at rest.

    Attributes:
        path: File it was read from.
        sha256: Hash of that file.
        faces: [F, 3] int64 vertex indices.
    """

    path: str
    sha256: str
    faces: NDArray[np.int64]
    _template: Tensor  # [V, 3]
    _shape_directions: Tensor  # [20, V*3] shapes, then expressions
    _pose_directions: Tensor | None  # [486, V*3]; None where the file's are all zero
    _skin_weights: Tensor  # [V, 55]
    _rest_joints: Tensor  # [55, 3] of the template
    _joint_directions: Tensor  # [20, 55*3]
    _parents: Tensor  # [55]

    @classmethod
    def from_file(cls, path: str | Path, device: str | torch.device = "cpu") -> "BodyModel":
        """Read an SMPL-X model file (.npz); nothing in it is unpickled.

        Args:
            path: The model file.
            device: Where bodies are to be computed.

        Raises:
            BodyModelError: The file cannot be read or is not an SMPL-X model.
        """
        arrays = read_body_file(path)

        def tensor(values: NDArray[np.float64]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)

        regressor, directions = arrays.joint_regressor, arrays.shape_directions
        num_coordinates = arrays.template.size
        correctives = arrays.pose_directions.reshape(num_coordinates, -1).T
        return cls(
            path=str(path),
            sha256=arrays.sha256,
            faces=arrays.faces,
            _template=tensor(arrays.template),
            _shape_directions=tensor(directions.reshape(num_coordinates, -1).T),
            _pose_directions=tensor(correctives) if correctives.any() else None,
            _skin_weights=tensor(arrays.skin_weights),
            _rest_joints=tensor(regressor @ arrays.template),
            _joint_directions=tensor(
                np.tensordot(regressor, directions, 1).reshape(NUM_JOINTS * 3, -1).T
            ),
            _parents=torch.tensor(PARENTS, device=device),
        )

    @property
    def skin_weights(self) -> Tensor:
        """[V, 55] share of each joint in each vertex."""
        return self._skin_weights

    @property
    def leading_joints(self) -> NDArray[np.int64]:
        """[V] the joint, among SMPL-X's 55, that moves each vertex most."""
        return self._skin_weights.argmax(1).cpu().numpy()

    def place_skeletons(
        self, rotations: Tensor, betas: Tensor, expression: Tensor, head_position: Tensor
    ) -> PlacedSkeletons:
        """Pose skeletons and move them so that the head joint is where the network saw it.

        Args:
            rotations: [N, 53, 3, 3] global, 21 body, 15 left hand, 15 right hand, jaw; camera.
            betas: [N, 10] shape.
            expression: [N, 10] expression.
            head_position: [N, 3] head joint, camera, metres.

        Raises:
            InputError: A tensor has another shape.
        """
        return self._pose(rotations, betas, expression, head_position)[0]

    def place(
        self, rotations: Tensor, betas: Tensor, expression: Tensor, head_position: Tensor
    ) -> PlacedBodies:
        """Like `place_skeletons`, with the skin: 2 to 5 ms a body on one CPU core instead of 0.1.

        People are skinned 16 at a time: beside the result, memory does not grow with N.
        """
        skeletons, transforms = self._pose(rotations, betas, expression, head_position)
        shapes = torch.cat([betas, expression], 1).to(self._template)
        rotations = rotations.to(self._template)
        vertices = self._template.new_empty(len(shapes), *self._template.shape)
        for start in range(0, len(shapes), CHUNK):
            part = slice(start, start + CHUNK)
            vertices[part] = self._skin(shapes[part], rotations[part], transforms[part])
        vertices += skeletons.transl[:, None]
        return PlacedBodies(
            transl=skeletons.transl,
            joints=skeletons.joints,
            rest_pelvis=skeletons.rest_pelvis,
            vertices=vertices,
        )

    def place_bones(
        self, rotations: Tensor, betas: Tensor, expression: Tensor, head_position: Tensor
    ) -> PlacedBones:
        """Like `place`, and leaves to the caller the skinning: with `skin_weights`."""
        skeletons, transforms = self._pose(rotations, betas, expression, head_position)
        shapes = torch.cat([betas, expression], 1).to(self._template)
        moved = transforms[:, :, :3].clone()
        moved[..., 3] += skeletons.transl[:, None]
        return PlacedBones(
            transl=skeletons.transl,
            joints=skeletons.joints,
            rest_pelvis=skeletons.rest_pelvis,
            rest=self._rest_vertices(shapes, rotations.to(self._template)),
            transforms=moved,
        )

    def _pose(
        self, rotations: Tensor, betas: Tensor, expression: Tensor, head_position: Tensor
    ) -> tuple[PlacedSkeletons, Tensor]:
        """Skeletons, and each joint's transform from rest to pose [N, 55, 4, 4] at transl 0."""
        num_people = len(rotations)
        for name, value, shape in (
            ("rotations", rotations, (num_people, NUM_ROTATIONS, 3, 3)),
            ("betas", betas, (num_people, NUM_SHAPES)),
            ("expression", expression, (num_people, NUM_EXPRESSIONS)),
            ("head_position", head_position, (num_people, 3)),
        ):
            if value.shape != shape:
                raise InputError(f"{name} has shape {tuple(value.shape)}: expected {shape}")
        shapes = torch.cat([betas, expression], 1).to(self._template)
        offsets = (shapes @ self._joint_directions).view(num_people, NUM_JOINTS, 3)
        rest = self._rest_joints + offsets
        joints, transforms = batch_rigid_transform(
            _all_joints(rotations.to(self._template)), rest, self._parents
        )
        transl = head_position.to(self._template) - joints[:, HEAD]
        skeletons = PlacedSkeletons(
            transl=transl, joints=joints + transl[:, None], rest_pelvis=rest[:, 0]
        )
        return skeletons, transforms

    def _rest_vertices(self, shapes: Tensor, rotations: Tensor) -> Tensor:
        """Vertices before skinning, with pose correctives (SMPL, 2015): [N, V, 3] body frame."""
        offsets = shapes @ self._shape_directions
        if self._pose_directions is not None:
            bends = _all_joints(rotations)[:, 1:] - torch.eye(3).to(rotations)  # [N, 54, 3, 3]
            offsets = offsets + bends.flatten(1) @ self._pose_directions
        return self._template + offsets.view(len(shapes), *self._template.shape)

    def _skin(self, shapes: Tensor, rotations: Tensor, transforms: Tensor) -> Tensor:
        """Linear blend skinning (SMPL, 2015): [N, V, 3] at transl 0."""
        num_people, num_vertices = len(shapes), len(self._template)
        rest = self._rest_vertices(shapes, rotations)
        blended = self._skin_weights @ transforms[:, :, :3].reshape(num_people, NUM_JOINTS, 12)
        blended = blended.view(num_people, num_vertices, 3, 4)
        return (blended[..., :3] * rest[:, :, None]).sum(-1) + blended[..., 3]


def pose_bodies(
    betas: Tensor,
    rotations: Tensor,
    template: Tensor,
    shape_directions: Tensor,
    pose_directions: Tensor,
    joint_regressor: Tensor,
    parents: Tensor,
    skin_weights: Tensor,
) -> tuple[Tensor, Tensor]:
    """Pose a body of SMPL's kind with any number J of joints and V of vertices, by smplx's `lbs`.

    Args:
        betas: [N, S] shape.
        rotations: [N, J, 3, 3] of each joint to its parent; the first that of the body.
        template: [V, 3] metres.
        shape_directions: [V, 3, S].
        pose_directions: [V, 3, 9 (J - 1)].
        joint_regressor: [J, V].
        parents: [J] of each joint; of the first it is not read.
        skin_weights: [V, J].

    Returns:
        Vertices [N, V, 3] and joints [N, J, 3], metres, with the root joint where it is at rest.
    """
    correctives = pose_directions.flatten(0, 1).T
    vertices, joints = lbs(
        betas,
        rotations,
        template,
        shape_directions,
        correctives,
        joint_regressor,
        parents,
        skin_weights,
        pose2rot=False,
    )
    return vertices, joints


def world_root(
    global_orient: Tensor, transl: Tensor, rest_pelvis: Tensor, world_from_camera: Tensor
) -> tuple[Tensor, Tensor]:
    """SMPL-X's root in the world: parameters that put the same body at its place in the world.

    SMPL-X turns a body about its rest pelvis J0 and then adds `transl`, so the world's parameters
    are R_world = R R_camera and transl_world = R (J0 + transl) + t - J0. Computed in float64.

    Args:
        global_orient: [N, 3, 3] camera.
        transl: [N, 3] SMPL-X's own, camera, metres.
        rest_pelvis: [N, 3] J0 of each body, body frame, metres.
        world_from_camera: [4, 4] or [N, 4, 4].

    Returns:
        [N, 3, 3] global orientation and [N, 3] SMPL-X `transl`, world, in the dtypes handed in.
    """
    rotation = world_from_camera[..., :3, :3].double()
    shift = world_from_camera[..., :3, 3].double()
    pelvis = rest_pelvis.double()
    moved = (rotation @ (pelvis + transl.double())[..., None])[..., 0] + shift
    return (rotation @ global_orient.double()).to(global_orient), (moved - pelvis).to(transl)


def _all_joints(rotations: Tensor) -> Tensor:
    """The network's order [N, 53, 3, 3] to SMPL-X's [N, 55, 3, 3], eyes at rest."""
    body, hands, jaw = rotations[:, :22], rotations[:, 22:52], rotations[:, 52:]
    eyes = torch.eye(3).to(rotations).expand(len(rotations), 2, 3, 3)
    return torch.cat([body, jaw, eyes, hands], 1)
