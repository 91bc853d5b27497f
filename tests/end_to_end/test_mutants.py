"""Damaged videos: no hang, no crash, each one decoded or failed with a reason."""

from collections import Counter

from tests.mutants import is_bad, make_originals, outcomes


def test_mutants_end_with_frames_or_a_reason(tmp_path):
    found = Counter(outcomes(make_originals(tmp_path), 150, 1, tmp_path))
    assert [outcome for outcome in found if is_bad(outcome)] == []
    assert found["decoded"] > 20
    assert found["failed: ProbeError"] > 20
