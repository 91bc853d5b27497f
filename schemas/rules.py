"""Rules a column's values can be held to, as data: a text for people and a vectorised test.

A rule sees only the values that are present (nulls removed), as numpy: `[N]` for a scalar column,
`[N, K]` for a fixed-size list, an object array of strings for text. It knows no table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

UNIT_TOLERANCE = 1e-3
ANGLE_TOLERANCE_RAD = 1e-3


@dataclass(frozen=True)
class Rule:
    """One demand on the values of one column.

    Attributes:
        text: The demand in words, as it reads after "must": "be in [0, 1]".
        broken: From the present values to the mask of breaches: `[N]`, or `[N, K]` where single
            elements of a list break it.
    """

    text: str
    broken: Callable[[NDArray[Any]], Mask]


def at_least(low: float) -> Rule:
    """Every value is `low` or more."""
    return Rule(f"be >= {low:g}", lambda values: values < low)


def more_than(low: float) -> Rule:
    """Every value is above `low`."""
    return Rule(f"be > {low:g}", lambda values: values <= low)


def in_range(low: float, high: float) -> Rule:
    """Every value is inside the closed range."""
    return Rule(
        f"be in [{low:g}, {high:g}]",
        lambda values: (values < low) | (values > high),
    )


def one_of(*choices: str | int) -> Rule:
    """Every value is one of `choices`."""
    allowed = np.asarray(choices)
    return Rule(
        f"be one of {', '.join(map(str, choices))}",
        lambda values: ~np.isin(values.astype(allowed.dtype), allowed),
    )


def matches(pattern: str, meaning: str) -> Rule:
    """Every text matches the whole `pattern`; `meaning` says so in words."""
    compiled = re.compile(pattern)

    def broken(values: NDArray[Any]) -> Mask:
        distinct, inverse = np.unique(values.astype(str), return_inverse=True)
        is_bad = np.array([compiled.fullmatch(text) is None for text in distinct], dtype=np.bool_)
        return is_bad[inverse]

    return Rule(f"be {meaning}", broken)


def not_blank() -> Rule:
    """No empty text."""
    return matches(r"(?s).*\S.*", "text that is not blank")


def hex_digest(num_chars: int) -> Rule:
    """Every text is `num_chars` lower-case hexadecimal digits."""
    return matches(rf"[0-9a-f]{{{num_chars}}}", f"{num_chars} lower-case hexadecimal digits")


def unit_quaternion() -> Rule:
    """Rows of `[N, 4]` (w, x, y, z) have norm 1 within 1e-3, and w >= 0."""

    def broken(values: NDArray[Any]) -> Mask:
        norms = np.linalg.norm(values.astype(np.float64), axis=1)
        return ~(np.abs(norms - 1) <= UNIT_TOLERANCE) | (values[:, 0] < 0)

    return Rule("be a unit quaternion (w, x, y, z) with w >= 0", broken)


def axis_angles() -> Rule:
    """Every triple of `[N, 3 J]` is a rotation vector of length at most pi (plus 1e-3)."""

    def broken(values: NDArray[Any]) -> Mask:
        triples = values.reshape(-1, values.shape[1] // 3, 3).astype(np.float64)  # [N, J, 3] rad
        is_long = np.linalg.norm(triples, axis=2) > np.pi + ANGLE_TOLERANCE_RAD
        return np.repeat(is_long, 3, axis=1)

    return Rule("be axis-angle triples no longer than pi", broken)


def rigid_matrix() -> Rule:
    """Rows of `[N, 16]` are row-major 4x4 rigid motions: R^T R = I, det R > 0, last row 0 0 0 1."""

    def broken(values: NDArray[Any]) -> Mask:
        matrices = values.reshape(-1, 4, 4).astype(np.float64)
        rotations = matrices[:, :3, :3]
        excess = np.abs(rotations.transpose(0, 2, 1) @ rotations - np.eye(3)).max(axis=(1, 2))
        is_last_row_right = (matrices[:, 3] == [0, 0, 0, 1]).all(axis=1)
        is_right_handed = np.linalg.det(rotations) > 0
        return ~((excess <= UNIT_TOLERANCE) & is_last_row_right & is_right_handed)

    return Rule("be a rigid 4x4 matrix, row by row", broken)


def ordered_box() -> Rule:
    """Rows of `[N, 4]` (x0, y0, x1, y1) have x0 <= x1 and y0 <= y1."""
    return Rule(
        "be a box with x0 <= x1 and y0 <= y1",
        lambda values: (values[:, 0] > values[:, 2]) | (values[:, 1] > values[:, 3]),
    )


def finite() -> Rule:
    """No NaN and no infinity; every floating-point column gets this one."""
    return Rule("be finite", lambda values: ~np.isfinite(values))
