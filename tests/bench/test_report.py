import dataclasses

import pytest

from bench.machine import read_machine
from bench.report import BenchReport, Figure, as_json, number, table_lines

MACHINE = dataclasses.replace(
    read_machine(),
    device="cpu",
    cpu="A CPU",
    num_cores=2,
    load_average=0.5,
    versions={"ray": "2"},
    commit="65bef46+",
)
REPORT = BenchReport(
    bench="scale",
    machine=MACHINE,
    settings={"repeats": 3, "sizes": (1, 2)},
    figures=(
        Figure("work", "ratio", (0.9, 0.97, 0.98), at_least=0.95, note="of one worker's"),
        Figure("plan", "s", (61.0, 59.0), at_most=59.5),
        Figure("size", "bytes", (12_345.6,)),
    ),
    not_measured=("the sea",),
)


def test_the_table_has_a_line_a_figure_with_median_spread_and_target():
    assert list(table_lines(REPORT)) == [
        "scale on cpu, 2 cores (A CPU)",
        "ray 2",
        "commit 65bef46+",
        "load average before: 0.50",
        "repeats=3, sizes=1 2",
        "      median  unit   lowest  highest  n          target",
        "work    0.97  ratio     0.9     0.98  3     >= 0.95 met",
        "plan      60  s          59       61  2  <= 59.5 MISSED",
        "size  12,346  bytes  12,346   12,346  1",
        "  work: of one worker's",
        "not measured: the sea",
    ]


def test_json_keeps_every_sample_and_what_they_come_to():
    parts = as_json(REPORT, "h3r bench scale")
    assert (parts["bench"], parts["command"]) == ("scale", "h3r bench scale")
    assert parts["machine"]["versions"] == {"ray": "2"}
    assert parts["machine"]["commit"] == "65bef46+"
    work, plan, _ = parts["figures"]
    assert (work["samples"], work["median"], work["is_met"]) == ((0.9, 0.97, 0.98), 0.97, True)
    assert (plan["lowest"], plan["highest"], plan["is_met"]) == (59.0, 61.0, False)
    assert parts["not_measured"] == ["the sea"]


@pytest.mark.parametrize(
    ("figure", "is_met"),
    [
        (Figure("x", "s", (1.0,)), None),
        (Figure("x", "s", (1.0,), at_least=1.0), True),
        (Figure("x", "s", (1.0,), at_most=1.0), True),
        (Figure("x", "s", (1.0, 2.0, 9.0), at_most=1.9), False),
    ],
)
def test_the_median_is_held_to_the_target(figure, is_met):
    assert figure.is_met is is_met


@pytest.mark.parametrize(
    ("value", "text"), [(0.9444, "0.944"), (59.04, "59"), (1234.5, "1,234"), (0, "0")]
)
def test_numbers_have_three_digits(value, text):
    assert number(value) == text
