"""Places keep their promises whatever the seed."""

from dataclasses import astuple

import numpy as np
import pytest

from synth.places import sample_place

SEEDS = range(25)
ON_THE_GROUND = 1e-9  # metres


def footprint(box):
    x, _, z = box.centre
    return x - box.half_size[0], z - box.half_size[2], x + box.half_size[0], z + box.half_size[2]


def meet(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("kind", ["room", "street"])
@pytest.mark.parametrize("seed", SEEDS)
def test_people_may_walk_where_nothing_stands(kind, seed):
    place = sample_place(np.random.default_rng(seed), kind)
    x_min, z_min, x_max, z_max = place.free_area
    assert x_max - x_min >= 2.2
    assert z_max - z_min >= 2.2
    for box in place.boxes:
        is_ground = box.centre[1] - box.half_size[1] >= -ON_THE_GROUND
        if not (box.is_room or is_ground):
            assert not meet(place.free_area, footprint(box))


@pytest.mark.parametrize("kind", ["room", "street"])
@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_stand_on_the_ground_or_hang(kind, seed):
    place = sample_place(np.random.default_rng(seed), kind)
    floors = [box for box in place.boxes if box.is_room or box.centre[1] > 0]
    assert len(floors) == 1
    for box in place.boxes:
        assert len(box.materials) == 6
        if box is not floors[0]:
            assert box.centre[1] + box.half_size[1] <= ON_THE_GROUND


@pytest.mark.parametrize("seed", SEEDS)
def test_a_room_is_as_large_as_a_room(seed):
    room, *rest = sample_place(np.random.default_rng(seed), "room").boxes
    assert room.is_room
    assert not any(box.is_room for box in rest)
    width, height, depth = 2 * np.array(room.half_size)
    assert 4.4 <= width <= 8.0
    assert 4.4 <= depth <= 8.0
    assert 2.4 <= height <= 3.2
    assert room.centre[1] == pytest.approx(-height / 2)  # the floor is y = 0
    for box in rest:
        reach = np.abs(np.subtract(box.centre, room.centre)) + box.half_size
        assert (reach <= np.array(room.half_size) + 1e-9).all()


def test_some_rooms_have_seats():
    rooms = [sample_place(np.random.default_rng(seed), "room") for seed in SEEDS]
    seats = [
        box for room in rooms for box in room.boxes[1:]
        if box.centre[1] + box.half_size[1] > -1e-9 and 0.42 <= 2 * box.half_size[1] <= 0.5
    ]  # fmt: skip
    assert 5 < len(seats) < 40


@pytest.mark.parametrize("kind", ["room", "street"])
def test_light_comes_from_above(kind):
    for seed in SEEDS:
        place = sample_place(np.random.default_rng(seed), kind)
        assert np.linalg.norm(place.light_direction) == pytest.approx(1.0)
        assert place.light_direction[1] < -0.5
        assert 0.3 < place.ambient < 0.7


@pytest.mark.parametrize("kind", ["room", "street"])
def test_a_place_is_its_seeds(kind):
    one, again, other = (sample_place(np.random.default_rng(seed), kind) for seed in (3, 3, 4))
    assert astuple(one) == astuple(again)
    assert astuple(one) != astuple(other)
