"""SMPL-X placement on the free body and on a copy with random correctives and expressions."""

from pathlib import Path

import pytest
import smplx
import torch

from human3r_model.body import BodyModel, world_root
from human3r_model.errors import InputError

FREE_BODY = Path(__file__).parents[2] / "assets/body/anny_body_smplx_layout.npz"


@pytest.fixture(params=["free", "rough"])
def body(request, free_body, rough_body):
    return {"free": free_body, "rough": rough_body}[request.param]


def random_rotations(generator, *shape):
    q, r = torch.linalg.qr(torch.randn(*shape, 3, 3, generator=generator, dtype=torch.float64))
    q = q * r.diagonal(dim1=-2, dim2=-1).sign()[..., None, :]
    return (q * torch.linalg.det(q)[..., None, None]).float()


def people(num_people, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        "rotations": random_rotations(generator, num_people, 53),
        "betas": torch.randn(num_people, 10, generator=generator),
        "expression": torch.randn(num_people, 10, generator=generator),
        "head_position": torch.randn(num_people, 3, generator=generator)
        + torch.tensor([0, 0, 4.0]),
    }


def take(values, part):
    return {name: value[part] for name, value in values.items()}


def test_free_body_says_what_it_is(free_body):
    assert free_body.sha256.startswith("b8e24ea1f43b60a7")
    assert free_body.faces.shape == (20908, 3)


def test_leading_joints_are_by_their_skin(free_body):
    rest = free_body.place(
        torch.eye(3).expand(1, 53, 3, 3), torch.zeros(1, 10), torch.zeros(1, 10), torch.zeros(1, 3)
    )
    leading = torch.from_numpy(free_body.leading_joints)
    assert leading.shape == (10475,)
    for joint in (4, 15, 18, 20):  # of the shank, head, forearm and hand on the left
        middle = rest.vertices[0, leading == joint].mean(0)
        assert (middle - rest.joints[0, joint]).norm() < 0.25


def test_head_joint_is_where_the_network_saw_it(body):
    values = people(3)
    placed = body.place(**values)
    assert placed.joints.shape == (3, 55, 3)
    assert placed.vertices.shape == (3, 10475, 3)
    torch.testing.assert_close(placed.joints[:, 15], values["head_position"])


@pytest.mark.parametrize("full_layout", [True, False])
def test_agrees_with_the_smplx_package(full_layout, rough_file):
    path = FREE_BODY if full_layout else rough_file
    values = people(2)
    placed = BodyModel.from_file(path).place(**values)
    package = smplx.SMPLXLayer(str(path), use_pca=False, flat_hand_mean=True)
    rotations = values["rotations"]
    output = package(
        betas=values["betas"], expression=values["expression"], transl=placed.transl,
        global_orient=rotations[:, 0], body_pose=rotations[:, 1:22], jaw_pose=rotations[:, 52],
        left_hand_pose=rotations[:, 22:37], right_hand_pose=rotations[:, 37:52],
    )  # fmt: skip
    torch.testing.assert_close(placed.vertices, output.vertices, atol=2e-6, rtol=0)
    torch.testing.assert_close(placed.joints, output.joints[:, :55], atol=2e-6, rtol=0)


def test_world_root_moves_the_body_as_a_whole(body):
    values = people(4)
    generator = torch.Generator().manual_seed(1)
    world_from_camera = torch.eye(4).repeat(4, 1, 1)
    world_from_camera[:, :3, :3] = random_rotations(generator, 4)
    world_from_camera[:, :3, 3] = 5 * torch.randn(4, 3, generator=generator)
    in_camera = body.place(**values)
    moved = torch.einsum("nij,nvj->nvi", world_from_camera[:, :3, :3], in_camera.vertices)
    moved += world_from_camera[:, None, :3, 3]

    orient, transl = world_root(
        values["rotations"][:, 0], in_camera.transl, in_camera.rest_pelvis, world_from_camera
    )
    values["rotations"][:, 0] = orient
    in_world = body.place(**values)
    vertices = in_world.vertices - in_world.transl[:, None] + transl[:, None]
    assert (vertices - moved).abs().max() < 1e-5  # metres


def test_world_root_literal():
    quarter_turn = torch.tensor(  # about z: x -> y, y -> -x; then 1 m along x
        [[0.0, -1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    )
    orient, transl = world_root(
        torch.eye(3)[None], torch.tensor([[0.0, 0, 3]]), torch.tensor([[0.0, 0.5, 0]]), quarter_turn
    )
    # The pelvis at (0, 0.5, 3) goes to (0.5, 0, 3); less J0 that is (0.5, -0.5, 3). R t + t gives
    # (1, 0, 3) instead.
    assert transl.tolist() == [[0.5, -0.5, 3.0]]
    assert orient[0].tolist() == quarter_turn[:3, :3].tolist()


def test_rest_pelvis_depends_on_the_shape(free_body):
    values = people(2) | {"betas": torch.eye(10)[:2] * 3}
    rest = free_body.place_skeletons(**values).rest_pelvis
    assert (rest[0] - rest[1]).abs().max() > 0.001


@pytest.mark.parametrize("num_people", [0, 1])
def test_nobody_and_one(num_people, free_body):
    placed = free_body.place(**people(num_people))
    assert placed.transl.shape == (num_people, 3)
    assert placed.rest_pelvis.shape == (num_people, 3)
    assert placed.vertices.shape == (num_people, 10475, 3)
    root = world_root(torch.eye(3).expand(num_people, 3, 3), *[placed.transl] * 2, torch.eye(4))
    assert root[1].shape == (num_people, 3)


def test_many_people_are_each_as_if_alone(rough_body):
    values = people(70)  # more than one chunk
    together = rough_body.place(**values)
    for index in (0, 63, 64, 69):
        alone = rough_body.place(**take(values, slice(index, index + 1)))
        torch.testing.assert_close(together.vertices[index], alone.vertices[0], atol=2e-6, rtol=0)


def test_skeletons_are_the_bodies_skeletons(body):
    values = people(3)
    bodies, skeletons = body.place(**values), body.place_skeletons(**values)
    assert torch.equal(bodies.joints, skeletons.joints)
    assert torch.equal(bodies.transl, skeletons.transl)


def test_bones_and_skin_weights_give_the_bodies(body):
    values = people(3)
    bodies, bones = body.place(**values), body.place_bones(**values)
    blended = torch.einsum("vj,njrc->nvrc", body.skin_weights, bones.transforms)
    vertices = (blended[..., :3] @ bones.rest[..., None])[..., 0] + blended[..., 3]
    torch.testing.assert_close(vertices, bodies.vertices, atol=5e-6, rtol=0)
    assert torch.equal(bones.joints, bodies.joints)


def test_wrong_shapes_are_named(free_body):
    with pytest.raises(InputError, match=r"betas has shape \(2, 16\): expected \(2, 10\)"):
        free_body.place(**people(2) | {"betas": torch.zeros(2, 16)})
