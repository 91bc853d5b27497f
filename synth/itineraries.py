"""Draws where somebody goes in the area people may walk on, and keeps them apart.

Ground is [x, z] of the upright world, as in `courses`. Letters: T frames, C control points, A other
people.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synth.courses import HALF, Area, Course, Tempo, spline_course, standing_course, with_rests
from synth.gait import Walk
from synth.turns import Floats

MARGIN_M = 0.45  # kept from the area's edges
MOST_MARGIN = 0.25  # of the area's size
APART_M = 0.7  # between the middles of two people
CANDIDATES = 8
ENDLESS = 10**6  # steps

Path = Callable[[np.random.Generator, Floats, int], Floats]


@dataclass(frozen=True, eq=False)
class Ground:
    """Where and when somebody can go.

    Attributes:
        area: Free of furniture.
        times_s: [T].
        others: [T, A, 2] where other people are.
    """

    area: Area
    times_s: Floats
    others: Floats


@dataclass(frozen=True)
class Pace:
    """How somebody steps.

    Attributes:
        step_m: Length straight ahead.
        cadence_hz: Steps per second.
    """

    step_m: float
    cadence_hz: float


def sample_pace(rng: np.random.Generator, height_m: float) -> Pace:
    """Draw a walking speed from 0.6 to 1.5 m/s; who goes faster takes longer steps, too."""
    speed = rng.uniform(0.6, 1.5)
    step_m = height_m * (0.22 + 0.13 * speed) * rng.uniform(0.93, 1.07)
    return Pace(step_m=step_m, cadence_hz=speed / step_m)


def sample_stroll(rng: np.random.Generator, ground: Ground, pace: Pace) -> Walk:
    """Walk between places all over the area, without end or with rests."""
    has_rests = rng.random() < 0.3
    tempo = Tempo(
        steps=int(rng.integers(6, 16)) if has_rests else ENDLESS,
        cadence_hz=pace.cadence_hz,
        ramp_s=rng.uniform(0.5, 1.0),
        rest_s=rng.uniform(0.5, 2.5),
        start_s=rng.uniform(1, 6),
    )
    return _freest_path(rng, _all_over, ground, pace, tempo)


def sample_crossing(rng: np.random.Generator, ground: Ground, pace: Pace) -> Walk:
    """Walk from one end of the area to the other and back, without rest."""
    start_s = rng.uniform(1, 10)
    tempo = Tempo(ENDLESS, pace.cadence_hz, ramp_s=0.5, rest_s=0, start_s=start_s)
    return _freest_path(rng, _to_and_fro, ground, pace, tempo)


def sample_turning(rng: np.random.Generator, ground: Ground, pace: Pace) -> Walk:
    """Turn on the spot in a few steps, rest, and turn again."""
    steps = int(rng.integers(2, 7))
    tempo = Tempo(
        steps=steps,
        cadence_hz=min(pace.cadence_hz, 1.6),
        ramp_s=0.4,
        rest_s=rng.uniform(0.3, 2.0),
        start_s=rng.uniform(0, 3),
    )
    phases, rates = tempo.at(ground.times_s)
    num_bouts = int(phases[-1] / steps) + 3
    turns = rng.choice([-1.0, 1.0])
    place = _freest_place(rng, ground, MARGIN_M)
    start = rng.uniform(0, 2 * np.pi)
    draws = np.random.default_rng(rng.integers(2**63)).random((num_bouts, 2))
    signs = np.where(draws[:, 0] < 0.25, -turns, turns)
    headings = start + np.cumsum(signs * steps * (0.25 + 0.45 * draws[:, 1]))
    return Walk(standing_course(place, headings, steps), phases, rates)


def sample_standing(rng: np.random.Generator, ground: Ground, margin_m: float = MARGIN_M) -> Walk:
    """Stay at one place so far from the area's edges, both feet on the ground."""
    num_frames = len(ground.times_s)
    heading = rng.uniform(0, 2 * np.pi)
    course = standing_course(_freest_place(rng, ground, margin_m), np.array([heading]), 1)
    return Walk(course, np.full(num_frames, HALF), np.zeros(num_frames))


def _freest_path(
    rng: np.random.Generator, path: Path, ground: Ground, pace: Pace, tempo: Tempo
) -> Walk:
    """Of a few paths drawn, the one that is near others for the least time."""
    phases, rates = tempo.at(ground.times_s)
    box = _inner(ground.area, MARGIN_M)

    def course(seed: int) -> Course:
        def points(num: int) -> Floats:
            return path(np.random.default_rng(seed), box, num)

        followed = spline_course(points, pace.step_m, float(phases[-1]))
        return with_rests(followed, tempo.steps) if tempo.rest_s else followed

    seeds = rng.integers(2**63, size=CANDIDATES)
    best, least = course(seeds[0]), 2.0
    for seed in seeds:
        candidate = course(seed)
        crowding = _crowding(candidate.at(phases)[0], ground.others)
        if crowding < least:
            best, least = candidate, crowding
        if least == 0:
            break
    return Walk(best, phases, rates)


def _freest_place(rng: np.random.Generator, ground: Ground, margin_m: float) -> Floats:
    """Of a few places [2] drawn, the one that others come near for the least time."""
    low, high = _inner(ground.area, margin_m)
    places = rng.uniform(low, high, (CANDIDATES, 2))
    crowding = [_crowding(place[None], ground.others) for place in places]
    return places[int(np.argmin(crowding))]


def _crowding(places: Floats, others: Floats) -> float:
    """Share of the time, summed over others [T, A, 2], that they are near [T, 2] or [1, 2]."""
    gaps = np.linalg.norm(others - places[:, None], axis=-1)
    return float((gaps < APART_M).mean(0).sum())


def _inner(area: Area, margin_m: float) -> Floats:
    """Lowest and highest corner [2, 2] of where a body's middle may be."""
    low, high = np.array(area[:2]), np.array(area[2:])
    margin = np.minimum(margin_m, MOST_MARGIN * (high - low))
    return np.stack([low + margin, high - margin])


def _all_over(rng: np.random.Generator, box: Floats, num: int) -> Floats:
    """Control points [C, 2] round the box's middle, each twice, which keeps bends short."""
    draws = rng.random((num // 2, 3))
    turns = np.where(draws[:, 0] < 0.3, -1, 1) * (1.0 + 1.4 * draws[:, 1])
    angles = 2 * np.pi * draws[0, 2] + np.cumsum(turns)
    radii = 0.7 + 0.7 * draws[:, 2]
    round_middle = np.stack([np.cos(angles), np.sin(angles)], -1) * radii[:, None]
    places = box.mean(0) + np.clip(round_middle, -1, 1) * (box[1] - box[0]) / 2
    return np.repeat(places, 2, axis=0)


def _to_and_fro(rng: np.random.Generator, box: Floats, num: int) -> Floats:
    """Control points [C, 2]: two at an end of the longer side, one half way, two at the other."""
    along = int(np.argmax(box[1] - box[0]))
    shares = rng.random((num, 2))
    number, place = np.divmod(np.arange(num), 3)
    shares[:, along] = np.where(place == 2, 0.5, number % 2)
    return box[0] + shares * (box[1] - box[0])
