"""Places, people and shots of a few lines, with answers one can work out by hand."""

import numpy as np

from synth.values import Actor, Box, CameraPath, Look, Material, Place, Shot

GREY = Material(0, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.0, 0.0, 0)
SHARP = Look(exposure=1.0, noise=0.0, shutter=0.0, seed=0)
UPRIGHT = np.diag([1.0, -1.0, -1.0])  # a body at rest is y up and faces +z: towards the camera


def box(centre, half_size, yaw=0.0, is_room=False, material=GREY):
    return Box(centre, half_size, yaw, (material,) * 6, is_room)


def wall(z):
    """Faces the camera of `shot`, far wider than its picture."""
    return box((0.0, 0.0, z + 0.5), (50.0, 50.0, 0.5))


def place(*boxes):
    return Place(boxes, (0.2, 0.4, 0.8), (0.0, -1.0, 0.0), 0.5, (-2.0, 1.0, 2.0, 6.0))


def actor(body, positions, colour=(0.6, 0.3, 0.2)):
    """Stands with its arms out; its head joint at [T, 3]."""
    positions = np.array(positions, np.float64).reshape(-1, 3)
    rotations = np.tile(np.eye(3, dtype=np.float32), (len(positions), 53, 1, 1))
    rotations[:, 0] = UPRIGHT
    colours = np.tile(np.float32(colour), (len(body.faces), 1))
    return Actor(rotations, positions, np.zeros(10, np.float32), colours)


def camera(num_frames=1, width=96, height=64, focal_px=80.0, pose=None):
    poses = np.tile(np.eye(4) if pose is None else pose, (num_frames, 1, 1))
    return CameraPath(width, height, focal_px, poses)


def shot(boxes=(), actors=(), path=None, look=SHARP):
    """At the world's origin, which lies on the ground: people's heads are at y = -0.9 or so."""
    path = camera() if path is None else path
    times_s = np.arange(len(path.world_from_camera)) / 30
    return Shot(times_s, place(*boxes), tuple(actors), path, look)


def scatter(body, rng, area, num_actors, num_frames):
    """People who slide half a metre, somewhere in an area."""
    x_min, z_min, x_max, z_max = area
    slide = np.linspace(0.0, 0.5, num_frames)
    actors = []
    for _ in range(num_actors):
        x, z = rng.uniform(x_min, x_max - 0.5), rng.uniform(z_min, z_max)
        path = np.stack([x + slide, np.full(num_frames, -1.6), np.full(num_frames, z)], 1)
        actors.append(actor(body, path))
    return tuple(actors)
