"""The values that travel between the rooms of this package: frozen, no behaviour.

Letters: T frames, N people in a frame, H and W pixels, F faces of a body, B boxes.
World: y points down (gravity is +y), the ground is the plane y = 0, metres. Cameras are OpenCV's
(x right, y down, z forward). Integer pixel coordinates are pixel centres; the principal point is
the middle of the picture, ((W - 1) / 2, (H - 1) / 2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CameraPath:
    """One camera through a shot.

    Attributes:
        width: W, pixels.
        height: H, pixels.
        focal_px: Focal length, the same across and down.
        world_from_camera: [T, 4, 4] rigid.
    """

    width: int
    height: int
    focal_px: float
    world_from_camera: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Actor:
    """One person through a shot.

    Attributes:
        rotations: [T, 53, 3, 3] SMPL-X: global (world), 21 body, 15 left hand, 15 right hand, jaw.
        head_position: [T, 3] head joint, world, metres.
        betas: [10] shape.
        face_colours: [F, 3] linear RGB in [0, 1], one a face of the body mesh.
    """

    rotations: NDArray[np.float32]
    head_position: NDArray[np.float64]
    betas: NDArray[np.float32]
    face_colours: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Material:
    """A procedural texture in metres of its surface.

    Attributes:
        kind: 0 plain, 1 checker, 2 stripes, 3 bricks, 4 noise.
        colour: [3] linear RGB in [0, 1].
        other_colour: [3] the pattern's second colour.
        period_m: Size of one repetition.
        roughness: Amplitude of the noise laid over it, in [0, 1].
        seed: Of the noise.
    """

    kind: int
    colour: tuple[float, float, float]
    other_colour: tuple[float, float, float]
    period_m: float
    roughness: float
    seed: int


@dataclass(frozen=True, eq=False)
class Box:
    """A solid box that stands upright (furniture, a house), or a room seen from inside.

    Attributes:
        centre: [3] world, metres.
        half_size: [3] along its own axes, metres.
        yaw: Turn about the world's y axis, radians.
        materials: One a side, in the order -x, +x, -y (top), +y (bottom), -z, +z.
        is_room: Seen from inside: rays meet its far sides.
    """

    centre: tuple[float, float, float]
    half_size: tuple[float, float, float]
    yaw: float
    materials: tuple[Material, ...]
    is_room: bool = False


@dataclass(frozen=True, eq=False)
class Place:
    """Where a shot is: boxes, light, and what is seen where nothing stands.

    Attributes:
        boxes: Everything solid, the ground included; at most one is a room.
        sky_colour: [3] linear RGB; sky has no depth.
        light_direction: [3] unit vector towards the light, world.
        ambient: Share of the light that comes from everywhere, in [0, 1].
        free_area: x_min, z_min, x_max, z_max of the ground people may walk on, metres.
    """

    boxes: tuple[Box, ...]
    sky_colour: tuple[float, float, float]
    light_direction: tuple[float, float, float]
    ambient: float
    free_area: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Look:
    """What the camera's sensor makes of the light.

    Attributes:
        exposure: Factor on linear light.
        noise: Standard deviation of the sensor's noise, of a full scale of 1.
        shutter: Open time over the time between frames; 0 is sharp.
        seed: Of the noise.
    """

    exposure: float
    noise: float
    shutter: float
    seed: int


@dataclass(frozen=True, eq=False)
class Shot:
    """Everything there is to render of frames without a cut.

    Attributes:
        times_s: [T] since the shot's start, increasing.
        place: Where it is.
        actors: Who is there; a person keeps its index for the whole shot.
        camera: Who looks.
        look: How.
    """

    times_s: NDArray[np.float64]
    place: Place
    actors: tuple[Actor, ...]
    camera: CameraPath
    look: Look


@dataclass(frozen=True, eq=False)
class PeopleTruth:
    """The people of one frame whose head joint is in front of the camera and inside the picture.

    Attributes:
        actor: [N] index of the person in its shot.
        rotations: [N, 53, 3, 3] SMPL-X, global in the CAMERA's frame.
        betas: [N, 10].
        head_position: [N, 3] head joint, camera, metres.
        head_px: [N, 2] its projection.
        visible_fraction: [N] visible pixels over the pixels the body would fill alone and without
            an edge to the picture; 0 is hidden.
    """

    actor: NDArray[np.int64]
    rotations: NDArray[np.float32]
    betas: NDArray[np.float32]
    head_position: NDArray[np.float64]
    head_px: NDArray[np.float64]
    visible_fraction: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """One picture and everything true of it.

    Attributes:
        rgb: [H, W, 3] uint8 sRGB.
        depth_m: [H, W] float32 camera z; 0 where only sky is seen.
        person: [H, W] uint8: 1 + index of the actor seen there, 0 where none is.
        surface: [H, W] int32: the face of the body's mesh where a person is; no face elsewhere.
        world_from_camera: [4, 4].
        people: Everybody whose head is in the picture, hidden ones too.
    """

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    person: NDArray[np.uint8]
    surface: NDArray[np.int32]
    world_from_camera: NDArray[np.float64]
    people: PeopleTruth
