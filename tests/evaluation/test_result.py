import json
from dataclasses import dataclass

import numpy as np
import pytest

from evaluation.result import Metric, as_json


@dataclass(frozen=True)
class Outer:
    names: tuple[str, ...]
    inner: dict[str, Metric]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.5, 1.5),
        (float("nan"), None),
        (float("inf"), None),
        (None, None),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        (np.array([3], np.int64), [3]),
        ((1, "a"), [1, "a"]),
    ],
)
def test_json_has_its_own_types_and_no_nan(value, expected):
    assert as_json(value) == expected
    json.dumps(as_json(value), allow_nan=False)


def test_dataclasses_become_objects_all_the_way_down():
    metric = Metric("ATE", "Camera", None, "m", 0, "sequences", "lower", "no sequence has 3 frames")
    found = as_json(Outer(("a",), {"camera": metric}))
    assert found["names"] == ["a"]
    assert found["inner"]["camera"]["value"] is None
    assert found["inner"]["camera"]["note"] == "no sequence has 3 frames"
