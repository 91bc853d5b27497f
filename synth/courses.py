"""Where a person goes: paths over the ground, and how far along they are at any time.

A course is followed in steps, not metres: its phase counts them (foot k is planted beside the
body's place at phase k, even ones are left), so that a sharp turn takes more steps.
Ground is [x, z] of the upright world (x as in the world, z against it); headings turn from +z to
+x. Letters: T frames, K knots, C control points.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synth.turns import Floats

Area = tuple[float, float, float, float]  # x_min, z_min, x_max, z_max of the upright world
Points = Callable[[int], Floats]  # the first so many control points [C, 2]
MARGIN_STEPS = 3.0  # a course is known this far before phase 0 and after its end
HALF = 0.5  # both feet are on the ground half way between two steps
MOST_TURN_A_STEP = 1.1  # radians
REST_STEP = 0.3  # length of the steps about a rest, of a full one
SAMPLES = 48  # of a spline's segment


@dataclass(frozen=True, eq=False)
class Course:
    """A path over the ground.

    Attributes:
        phases: [K] steps, increasing.
        ground: [K, 2] metres.
        headings: [K] radians, unwrapped.
    """

    phases: Floats
    ground: Floats
    headings: Floats

    def at(self, phases: Floats) -> tuple[Floats, Floats]:
        """Ground [T, 2] and heading [T] at phases [T]."""
        x, z = (np.interp(phases, self.phases, self.ground[:, i]) for i in (0, 1))
        return np.stack([x, z], -1), np.interp(phases, self.phases, self.headings)


@dataclass(frozen=True)
class Tempo:
    """Bouts of steps at a steady rate, with rests between; a rest is half way between two steps.

    Attributes:
        steps: In a bout.
        cadence_hz: Steps per second.
        ramp_s: A bout's time to start, and to stop.
        rest_s: Between bouts.
        start_s: How far into a bout time 0 is.
    """

    steps: int
    cadence_hz: float
    ramp_s: float
    rest_s: float
    start_s: float

    def at(self, times_s: Floats) -> tuple[Floats, Floats]:
        """Phase [T], and its rate [T] over the cadence, in [0, 1]."""
        bout_s = self.steps / self.cadence_hz + self.ramp_s
        number, since_s = np.divmod(times_s + self.start_s, bout_s + self.rest_s)
        started, left = since_s / self.ramp_s, (bout_s - since_s) / self.ramp_s
        ramp_steps = self.cadence_hz * self.ramp_s
        done = np.where(
            started < left,
            ramp_steps * _ramped(started),
            self.steps - ramp_steps * _ramped(left),
        )
        rate = np.clip(np.minimum(started, left), 0, 1)
        return self.steps * number + done + HALF, rate**2 * (3 - 2 * rate)


def spline_course(points: Points, step_m: float, last_phase: float) -> Course:
    """Follow the cubic B-spline of control points; it never leaves their convex hull.

    Args:
        points: Where to; asked for as many as the course needs.
        step_m: Length of a step straight ahead; turning shortens it.
        last_phase: How far the course has to go.
    """
    num_points = 8
    while True:
        ground, tangent = _b_spline(points(num_points))
        headings = np.unwrap(np.arctan2(tangent[:, 0], tangent[:, 1]))
        strides = np.linalg.norm(np.diff(ground, axis=0), axis=-1) / step_m
        steps = np.hypot(strides, np.diff(headings) / MOST_TURN_A_STEP)
        phases = np.concatenate([[0], np.cumsum(steps)]) - MARGIN_STEPS
        if phases[-1] > last_phase + MARGIN_STEPS:
            return Course(phases=phases, ground=ground, headings=headings)
        num_points *= 2


def with_rests(course: Course, steps: int) -> Course:
    """The same path with shorter steps before and after each of a tempo's rests."""
    phases = np.arange(-MARGIN_STEPS, course.phases[-1], 1 / SAMPLES)
    from_rest = np.abs((phases - HALF + steps / 2) % steps - steps / 2)
    rates = 1 - (1 - REST_STEP) * np.exp(-(from_rest**2))
    ground, headings = course.at(np.cumsum(rates) / SAMPLES - MARGIN_STEPS)
    return Course(phases=phases, ground=ground, headings=headings)


def standing_course(ground: Floats, headings: Floats, steps: int) -> Course:
    """Stay at one place [2] and turn to each of the headings [K] in a bout of so many steps."""
    phases = HALF + steps * np.arange(len(headings), dtype=np.float64)
    return Course(
        phases=phases, ground=np.broadcast_to(ground, (len(headings), 2)), headings=headings
    )


def _ramped(x: Floats) -> Floats:
    """Integral of a smoothstep from 0 to 1 that stays at 1."""
    inside = np.clip(x, 0, 1)
    return inside**3 - inside**4 / 2 + np.maximum(x - 1, 0)


def _b_spline(points: Floats) -> tuple[Floats, Floats]:
    """Uniform cubic B-spline of [C, 2]: its points and derivatives [K, 2]."""
    u = np.arange(SAMPLES)[:, None] / SAMPLES
    zero, one = np.zeros_like(u), np.ones_like(u)
    powers = np.concatenate([one, u, u**2, u**3], -1)
    slopes = np.concatenate([zero, one, 2 * u, 3 * u**2], -1)
    basis = np.array([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]]) / 6
    windows = np.stack([points[i : len(points) - 3 + i] for i in range(4)], 1)  # [C-3, 4, 2]
    controls = basis @ windows
    return (powers @ controls).reshape(-1, 2), (slopes @ controls).reshape(-1, 2)
