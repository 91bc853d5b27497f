"""Renders a shot frame by frame: the picture, and everything true of it.

Letters: T frames, A actors, V vertices, F faces, H and W pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from human3r_model.body import BodyModel, PlacedBones
from human3r_model.body_file import NUM_EXPRESSIONS
from synth.boxes import draw_boxes, view_boxes
from synth.materials import pack_materials, paint
from synth.raster import NEAR_M, Canvas, SparseWeights, draw_body, skin
from synth.shading import develop, face_normals, light_up
from synth.values import Actor, PeopleTruth, Place, RenderedFrame, Shot

CHUNK = 16  # frames whose bones are placed at once
SUB_FRAME = 1 / 3  # between the middles of the thirds of an open shutter, of its open time
SHADOW_RADII = {  # joint: radius of the sphere that throws its shadow, metres; the pelvis first
    0: 0.15, 9: 0.15, 15: 0.12, 4: 0.12, 5: 0.12, 7: 0.12, 8: 0.12, 10: 0.1, 11: 0.1,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Crowd:
    """Everybody at one time, world: vertices [A, V, 3], spheres that throw shadows [A, K, 4]."""

    vertices: NDArray[np.float32]
    shadows: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Scene:
    """What stays the same through a shot."""

    place: Place
    materials: NDArray[np.float64]  # of every side of every box
    faces: NDArray[np.int32]  # [F, 3]
    face_colours: NDArray[np.float32]  # [A, F, 3]
    focal_px: float
    width: int
    height: int


def render_shot(
    shot: Shot, body: BodyModel, start: int = 0, stop: int | None = None
) -> Iterator[RenderedFrame]:
    """Render the frames [start, stop) of a shot, in order.

    A frame's bytes do not depend on which others are asked for. With an open shutter the picture
    is the mean of three times, in linear light, and its truth is that of the middle one.

    Args:
        shot: What to render.
        body: Whose mesh everybody has.
        start: First frame.
        stop: One after the last; None is the shot's end.
    """
    num_frames = len(shot.times_s)
    scene = _Scene(
        place=shot.place,
        materials=pack_materials(shot.place.boxes),
        faces=body.faces.astype(np.int32),
        face_colours=np.array([actor.face_colours for actor in shot.actors], np.float32).reshape(
            len(shot.actors), len(body.faces), 3
        ),
        focal_px=shot.camera.focal_px,
        width=shot.camera.width,
        height=shot.camera.height,
    )
    weights = SparseWeights.from_dense(body.skin_weights.cpu().numpy())

    # Chunks begin at fixed frames and are placed whole: floats may depend on a batch's size.
    @lru_cache(maxsize=2)
    def bones(chunk: int) -> list[PlacedBones]:
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        return [_place_bones(actor, body, part) for actor in shot.actors]

    @lru_cache(maxsize=3)
    def crowd(frame: int) -> _Crowd:
        placed, index = bones(frame // CHUNK), frame % CHUNK
        return _skin_crowd(placed, index, weights)

    poses, look = shot.camera.world_from_camera, shot.look
    for frame in range(start, num_frames if stop is None else stop):
        canvas, light, pixels_alone = _render(scene, crowd(frame), poses[frame])
        for step in (-1, 1) if look.shutter > 0 else ():
            neighbour = min(max(frame + step, 0), num_frames - 1)
            between = _blend(crowd(frame), crowd(neighbour), SUB_FRAME * look.shutter)
            pose = _blend_poses(poses[frame], poses[neighbour], SUB_FRAME * look.shutter)
            light += _render(scene, between, pose)[1]
        noise = np.random.default_rng((look.seed, frame)).standard_normal(light.shape, np.float32)
        yield RenderedFrame(
            rgb=develop(
                light,
                look.exposure / (3 if look.shutter > 0 else 1),
                noise * np.float32(look.noise),
            ),
            depth_m=np.where(np.isfinite(canvas.depth), canvas.depth, np.float32(0.0)),
            person=canvas.person,
            surface=canvas.surface,
            world_from_camera=poses[frame],
            people=_people(shot, frame, canvas.person, pixels_alone),
        )


def _place_bones(actor: Actor, body: BodyModel, part: slice) -> PlacedBones:
    """One actor's bones in the frames `part`, world."""
    rotations = torch.from_numpy(actor.rotations[part])
    num_frames = len(rotations)
    return body.place_bones(
        rotations,
        torch.from_numpy(actor.betas).expand(num_frames, -1),
        torch.zeros(num_frames, NUM_EXPRESSIONS),
        torch.from_numpy(actor.head_position[part]),
    )


def _skin_crowd(bones: list[PlacedBones], index: int, weights: SparseWeights) -> _Crowd:
    """Everybody at the frame `index` of a chunk."""
    joints = list(SHADOW_RADII)
    radii = np.array(list(SHADOW_RADII.values()))[:, None]
    num_vertices = len(weights.starts) - 1
    vertices = np.empty((len(bones), num_vertices, 3), np.float32)
    shadows = np.empty((len(bones), len(joints), 4))
    for actor, placed in enumerate(bones):
        vertices[actor] = skin(
            placed.rest[index].cpu().numpy(), placed.transforms[index].cpu().numpy(), weights
        )
        centres = placed.joints[index, joints].cpu().numpy()
        shadows[actor] = np.concatenate([centres, radii], 1)
    return _Crowd(vertices, shadows)


def _render(
    scene: _Scene, crowd: _Crowd, world_from_camera: NDArray[np.float64]
) -> tuple[Canvas, NDArray[np.float32], list[int]]:
    """One sharp picture: what its pixels see, their light, and pixels of each body alone."""
    canvas = Canvas.blank(scene.width, scene.height)
    camera_from_world = np.linalg.inv(world_from_camera)
    rotation = camera_from_world[:3, :3].astype(np.float32)
    shift = camera_from_world[:3, 3].astype(np.float32)
    pixels_alone = [
        draw_body(canvas, vertices @ rotation.T + shift, scene.faces, scene.focal_px, actor + 1)
        for actor, vertices in enumerate(crowd.vertices)
    ]
    view = view_boxes(
        scene.place.boxes, world_from_camera, scene.focal_px, scene.width, scene.height
    )
    draw_boxes(canvas, view)
    colours = paint(canvas, view, scene.materials, scene.face_colours, scene.place.sky_colour)
    normals = face_normals(crowd.vertices, scene.faces)
    light = light_up(
        canvas, colours, scene.place, view, world_from_camera, scene.focal_px, normals,
        crowd.shadows,
    )  # fmt: skip
    return canvas, light, pixels_alone


def _blend(a: _Crowd, b: _Crowd, share: float) -> _Crowd:
    """The share of the way from one crowd to the other."""
    return _Crowd(
        a.vertices + np.float32(share) * (b.vertices - a.vertices),
        a.shadows + share * (b.shadows - a.shadows),
    )


def _blend_poses(
    a: NDArray[np.float64], b: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """The share of the way from one camera to the other, by the nearest rotation to the mean."""
    pose = a + share * (b - a)
    u, _, vt = np.linalg.svd(pose[:3, :3])
    pose[:3, :3] = u @ vt
    return pose


def _people(
    shot: Shot, frame: int, person: NDArray[np.uint8], pixels_alone: list[int]
) -> PeopleTruth:
    """Those whose head is in front of the camera and inside the picture."""
    camera = shot.camera
    camera_from_world = np.linalg.inv(camera.world_from_camera[frame])
    rotation, shift = camera_from_world[:3, :3], camera_from_world[:3, 3]
    num_actors = len(shot.actors)
    heads = np.array([actor.head_position[frame] for actor in shot.actors]).reshape(-1, 3)
    heads = heads @ rotation.T + shift
    middle = 0.5 * np.array([camera.width - 1, camera.height - 1])
    is_near = heads[:, 2:] <= NEAR_M
    heads_px = camera.focal_px * heads[:, :2] / np.where(is_near, 1.0, heads[:, 2:]) + middle
    is_inside = (heads_px >= -0.5) & (heads_px < (camera.width - 0.5, camera.height - 0.5))
    seen = np.flatnonzero(is_inside.all(1) & ~is_near[:, 0])
    rotations = np.array([shot.actors[a].rotations[frame] for a in seen], np.float32)
    rotations = rotations.reshape(-1, 53, 3, 3)
    rotations[:, 0] = rotation @ rotations[:, 0]
    visible = np.bincount(person.ravel(), minlength=num_actors + 1)[1:]
    return PeopleTruth(
        actor=seen.astype(np.int64),
        rotations=rotations,
        betas=np.array([shot.actors[a].betas for a in seen], np.float32).reshape(-1, 10),
        head_position=heads[seen],
        head_px=heads_px[seen],
        visible_fraction=(visible / np.maximum(pixels_alone, 1))[seen].astype(np.float32),
    )
