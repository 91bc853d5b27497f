"""The ground in a clip's world."""

import numpy as np

from synth.ground import ground_plane


def test_below_a_level_camera_it_is_as_deep_as_the_camera_is_high():
    pose = np.eye(4)
    pose[:3, 3] = 4.0, -1.6, 2.0  # 1.6 m up: y points down
    assert ground_plane(pose) == {"normal": [0.0, -1.0, 0.0], "offset_m": -1.6}


def test_points_of_the_ground_are_on_it_and_points_above_it_above():
    rng = np.random.default_rng(3)
    pose = np.eye(4)
    pose[:3, :3] = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    pose[:3, 3] = rng.standard_normal(3)
    plane = ground_plane(pose)
    for height_m in (0.0, 1.0):
        x, z = rng.standard_normal(2)
        in_clip = (np.linalg.inv(pose) @ [x, -height_m, z, 1.0])[:3]
        assert np.isclose(in_clip @ plane["normal"] - plane["offset_m"], height_m)
