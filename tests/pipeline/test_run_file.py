import dataclasses
import json

import pytest

from pipeline.config import LabelConfig, LabelIdentity, PlanConfig
from pipeline.errors import PlanError, RefusedError
from pipeline.run_file import RunFile, check_same_labels, check_same_plan, read_run, write_run
from pipeline.storage import Store

PLAN = PlanConfig(fps=12.5, include=("*.mp4", "*.bin"), limit=3)
IDENTITY = LabelIdentity("tiny", "a" * 64, True, None, 1, PLAN, LabelConfig(depth=False))
RUN = RunFile("s3://bucket/src", "2026-11-01T00:00:00+00:00", "0.1.0", PLAN, IDENTITY)


@pytest.mark.parametrize("run", [RUN, dataclasses.replace(RUN, identity=None)])
def test_what_is_written_is_read(run, root_uri):
    store = Store(root_uri)
    assert read_run(store) is None
    write_run(store, run)
    assert read_run(store) == run


def test_random_weights_are_called_so(tmp_path):
    store = Store(str(tmp_path))
    write_run(store, RUN)
    fields = json.loads((tmp_path / "run.json").read_text())
    assert fields["labels"] == "untrained: random weights, not labels"
    assert fields["config_hash"] == IDENTITY.config_hash
    write_run(store, dataclasses.replace(RUN, identity=_other(is_untrained=False)))
    assert json.loads((tmp_path / "run.json").read_text())["labels"] == "tiny"


GOOD = {"source": "s", "created": "c", "code_version": "v", "plan": {}, "identity": None}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        json.dumps(GOOD | {"plan": 5}).encode(),
        json.dumps(GOOD | {"plan": {"frames": 5}}).encode(),
        json.dumps(GOOD | {"plan": {"limit": 0}}).encode(),
        json.dumps(GOOD | {"plan": {"fps": "30"}}).encode(),
        json.dumps(GOOD | {"identity": {}}).encode(),
        json.dumps(GOOD | {"identity": {"labels": {}}}).encode(),
        json.dumps(GOOD | {"identity": 7}).encode(),
    ],
)
def test_a_damaged_file_is_named(data, root_uri):
    store = Store(root_uri)
    store.write("run.json", data)
    with pytest.raises(PlanError, match=r"/run\.json: damaged or written by another version"):
        read_run(store)


def test_the_same_is_not_refused(tmp_path):
    store = Store(str(tmp_path))
    check_same_plan(store, RUN, dataclasses.replace(PLAN))
    check_same_labels(store, RUN, dataclasses.replace(IDENTITY))
    check_same_labels(store, dataclasses.replace(RUN, identity=None), IDENTITY)


def _other(**fields: object) -> LabelIdentity:
    return dataclasses.replace(IDENTITY, **fields)


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        (
            _other(weights_sha256="b" * 64),
            [f"weights_sha256: '{'a' * 64}' -> '{'b' * 64}'"],
        ),
        (
            _other(model_preset="896L", is_untrained=False),
            ["is_untrained: True -> False", "model_preset: 'tiny' -> '896L'"],
        ),
        (_other(body_model_sha256="c"), ["body_model_sha256: None -> 'c'"]),
        (_other(schema_version=2), ["schema_version: 1 -> 2"]),
        (_other(labels=LabelConfig()), ["labels.depth: False -> True"]),
        (_other(plan=PlanConfig(fps=12.5, limit=3)), ["plan.include: ('*.mp4', '*.bin') -> ()"]),
    ],
)
def test_other_labels_are_refused_and_what_differs_is_named(wanted, lines, tmp_path):
    with pytest.raises(RefusedError, match="holds labels made differently") as caught:
        check_same_labels(Store(str(tmp_path)), RUN, wanted)
    assert [line.strip() for line in str(caught.value).splitlines()[1:-1]] == lines
    assert "annotate into a new OUT" in str(caught.value)
