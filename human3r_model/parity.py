"""Compare our run of a reference file with what the file holds, output by output.

The measure is `max|a - b| / max(1, max|b|)` a step and output, pointmaps in log space
(`sign * log1p(|x|)`); ids and counts must be equal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from human3r_model.reference_run import (
    NOT_COMPARED,
    OUTPUTS,
    PEOPLE_OUTPUTS,
    POINTMAP_OUTPUTS,
    RUN_OUTPUTS,
    Array,
    Reference,
    Step,
    summarise_run,
)

EXACT_OUTPUTS = ("smpl_id", "steps", "kept_steps", "num_people")
MISMATCH = float("inf")


@dataclass(frozen=True)
class OutputError:
    """The worst error of one output over all its steps.

    Args:
        output: Its name; `num_people` is the count of people a step.
        worst: 0 is equal; infinite where shapes, ids or counts differ or a value is not finite.
        where: The worst step, "run" for outputs of the run as a whole.
        num_compared: Steps compared.
    """

    output: str
    worst: float
    where: str
    num_compared: int


def compare_run(reference: Reference, steps: Iterable[Step]) -> list[OutputError]:
    """Compare every output a reference file holds.

    Args:
        reference: The file.
        steps: Our run of it; each step's maps are dropped once compared.

    Returns:
        One entry an output, in a fixed order.
    """
    errors: dict[str, list[tuple[float, str]]] = {}
    poses = []
    for step in steps:
        poses.append(Step(step.index, step.is_kept, {}, step.world_from_camera))
        for output, error in _compare_step(reference.steps.get(step.index, {}), step.outputs):
            errors.setdefault(output, []).append((error, f"step {step.index:03}"))
    missing = sorted(set(reference.steps) - {step.index for step in poses})
    for index in missing:
        for output in sorted(set(reference.steps[index]) - {*NOT_COMPARED}):
            errors.setdefault(output, []).append((MISMATCH, f"step {index:03}, never run"))
    ours = summarise_run(poses)
    for output, theirs in reference.run.items():
        errors[output] = [(measure(output, ours[output], theirs), "run")]
    return [
        OutputError(output, *max(errors[output], key=_rank), num_compared=len(errors[output]))
        for output in ("num_people", *OUTPUTS, *RUN_OUTPUTS)
        if output in errors
    ]


def measure(output: str, ours: Array, theirs: Array) -> float:
    """Measure how far our values of one output are from the reference's.

    Args:
        output: Its name: ids and counts must be equal, pointmaps are compared in log space.
        ours: Our values.
        theirs: The reference's.

    Returns:
        0 for equal, infinite for another shape, another id or a value that is not finite.
    """
    if ours.shape != theirs.shape:
        return MISMATCH
    if output in EXACT_OUTPUTS:
        return 0.0 if np.array_equal(ours, theirs) else MISMATCH
    if theirs.size == 0:
        return 0.0
    a, b = (values.astype(np.float64) for values in (ours, theirs))
    if output in POINTMAP_OUTPUTS:
        a, b = _log_space(a), _log_space(b)
    error = float(np.abs(a - b).max() / max(1.0, float(np.abs(b).max())))
    return error if np.isfinite(error) else MISMATCH


def _compare_step(
    theirs: Mapping[str, Array], ours: Mapping[str, Array]
) -> Iterable[tuple[str, float]]:
    """Compare one step; a step without any stored output was not stored, which is no claim."""
    if not set(OUTPUTS) & set(theirs):
        return
    counts = [len(theirs[name]) for name in PEOPLE_OUTPUTS if name in theirs]
    expected = np.array(counts[0] if counts else 0)  # an absent output had nobody in it
    yield "num_people", measure("num_people", np.array(len(ours["smpl_id"])), expected)
    for output in OUTPUTS:
        if output in theirs:
            yield output, measure(output, ours[output], theirs[output])


def _log_space(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sign(x) * np.log1p(np.abs(x))


def _rank(error: tuple[float, str]) -> float:
    return error[0]
