import re

import numpy as np
import pytest

from evaluation.report_parts import DASH, HEADLINE
from evaluation.report_sequences import sequences_section
from tests.evaluation.made_up import metric, sequence

NONE = np.zeros(2, int)


def cells(html):
    """The cells of the table of sequences, row by row, without what marks them up."""
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [re.sub(r"<[^>]+>", "|", row).strip("|").split("|") for row in rows]


@pytest.fixture
def draws_one(monkeypatch):
    monkeypatch.setattr("evaluation.report_sequences.NUM_DRAWN", 1)


def test_the_worst_are_first(draws_one):
    html = sequences_section(
        (
            sequence("good.mp4", 2, metrics=(metric("MPJPE", 10.0),)),
            sequence("bad.mp4", 2, metrics=(metric("MPJPE", 90.0),)),
            sequence("nobody.mp4", 2, num_true=NONE, num_matched=NONE, metrics=()),
            sequence("missed.mp4", 2, num_matched=NONE, metrics=()),
        )
    )
    names = re.findall(r"(\w+\.mp4)(?:</a>)?</td>", html)
    assert names == ["missed.mp4", "bad.mp4", "good.mp4", "nobody.mp4"]
    assert "then the others by MPJPE." in html
    assert html.count("<article") == html.count("<a href") == 1
    assert "The other 3 are in the table above." in html


def test_without_joints_another_measure_orders_them(draws_one):
    html = sequences_section(
        (
            sequence("near.mp4", 2, metrics=(metric("ATE", 0.1, "m"),)),
            sequence("far.mp4", 2, metrics=(metric("ATE", 0.3, "m"),)),
        )
    )
    assert html.index("far.mp4") < html.index("near.mp4")
    assert "then the others by ATE." in html


def test_a_row_has_the_headline_metrics_with_units_above(draws_one):
    found = (metric("MPJPE", 61.523), metric("ATE", 0.02134, "m"), metric("F1", 1.0, ""))
    html = sequences_section((sequence("a.mp4", 2, metrics=found),))
    assert HEADLINE == ("F1", "IDF1", "MPJPE", "PA-MPJPE", "ATE", "AbsRel, metric")
    assert '<th class="number">MPJPE [mm]</th>' in html
    dash = re.sub(r"<[^>]+>", "", DASH)
    (row,) = [row for row in cells(html) if "a.mp4" in row]
    values = [cell for cell in row if cell]
    assert values == ["a.mp4", "0 to 1", "4 of 4", "1.00", dash, "61.5", dash, "0.0213", dash]


def test_a_sequence_without_people_or_depth_is_drawn():
    gone = np.full(2, np.nan)
    errors = ("mpjpe_mm", "pa_mpjpe_mm", "head_error_m", "depth_abs_rel", "camera_error_m")
    empty = sequence(
        "empty.mp4",
        2,
        people=(),
        num_true=NONE,
        num_matched=NONE,
        metrics=(),
        **dict.fromkeys(errors, gone),
    )
    html = sequences_section((empty,))
    assert html.count("<img") == 2
    assert "in the order of the truth" in html
    assert "0 of 0" in html


@pytest.mark.parametrize(
    ("up", "view"),
    [
        (np.array([0, -0.8, -0.6]), "From above, by the true ground: the true paths"),
        (
            None,
            "By x and z of the first camera, which is from above where that camera is level:",
        ),
    ],
    ids=["ground", "none"],
)
def test_paths_are_from_above_where_there_is_a_ground(up, view):
    assert f"<figcaption>{view}" in sequences_section((sequence("a.mp4", 2, up=up),))


def test_names_are_text(draws_one):
    html = sequences_section((sequence("<script>", 2), sequence("<script>", 2)))
    assert "<script>" not in html
    assert html.count("&lt;script&gt;") == 3


def test_there_are_none():
    assert sequences_section(()) == "<section><h2>Sequences</h2><p>There are none.</p></section>"
