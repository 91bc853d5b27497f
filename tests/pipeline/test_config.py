import dataclasses

import pytest

from pipeline.config import (
    LabelConfig,
    LabelIdentity,
    PlanConfig,
    WorkerConfig,
    differences,
    fingerprint,
)

IDENTITY = LabelIdentity(
    model_preset="tiny",
    weights_sha256="a" * 64,
    is_untrained=True,
    body_model_sha256=None,
    schema_version=1,
    plan=PlanConfig(),
    labels=LabelConfig(),
)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fps": 0.0}, "--fps 0.0: must be above 0"),
        ({"fps": -1.0}, "--fps -1.0: must be above 0"),
        ({"fps": float("nan")}, "--fps nan: must be above 0"),
        ({"fps": float("inf")}, "--fps inf: must be above 0 and at most 1000"),
        ({"max_clip_frames": 1}, "--max-clip-frames 1: must be 2 or more"),
        ({"max_shard_frames": 0}, "--max-shard-frames 0: must be 1 or more"),
        ({"limit": 0}, "--limit 0: must be 1 or more"),
    ],
)
def test_values_that_no_plan_can_be_made_with(fields, message):
    with pytest.raises(ValueError, match=message):
        PlanConfig(**fields)


@pytest.mark.parametrize("fields", [{"fps": 1000.0}, {"max_clip_frames": 2}, {"limit": 1}])
def test_values_at_the_bounds(fields):
    PlanConfig(**fields)


def test_unknown_fields_are_refused():
    with pytest.raises(TypeError, match="frames_per_second"):
        PlanConfig(frames_per_second=30)


@pytest.mark.parametrize(
    "other",
    [
        {"plan": PlanConfig(fps=29.0)},
        {"plan": PlanConfig(exclude=("a*",))},
        {"labels": LabelConfig(ttt3r=False)},
        {"labels": LabelConfig(depth=False)},
        {"labels": LabelConfig(precision="bfloat16")},
        {"schema_version": 2},
    ],
)
def test_config_hash_changes_with_every_setting(other):
    assert dataclasses.replace(IDENTITY, **other).config_hash != IDENTITY.config_hash
    assert len(IDENTITY.config_hash) == 16


def test_config_hash_is_not_of_the_weights():
    other = dataclasses.replace(IDENTITY, weights_sha256="b" * 64)
    assert other.config_hash == IDENTITY.config_hash


def test_fingerprint_is_that_of_canonical_json():
    # sha256 of b'{"a":1,"b":[2]}', by sha256sum
    assert fingerprint({"b": (2,), "a": 1}) == "0855bfc20eb6cfaa"


def test_differences_are_named_to_the_leaf():
    stored = {"a": 1, "plan": {"fps": None, "limit": 3}, "gone": True}
    current = {"a": 1, "plan": {"fps": 5.0, "limit": 3}, "new": "x"}
    assert differences(stored, current) == [
        "gone: True -> None",
        "new: None -> 'x'",
        "plan.fps: None -> 5.0",
    ]
    assert differences(stored, stored) == []


@pytest.mark.parametrize(
    ("times", "at_once"),
    [(0, (5, 4)), (1, (2, 4)), (2, (1, 4)), (3, (1, 2)), (4, (1, 1)), (9, (1, 1))],
)
def test_less_at_once(times, at_once):
    worker = WorkerConfig(batch_clips=5, encode_frames=4, prefetch_frames=7).halved(times)
    assert (worker.batch_clips, worker.encode_frames) == at_once
    assert worker.prefetch_frames == 7
