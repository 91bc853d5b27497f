"""What a bench measured: figures with their spread and targets, as a table and as JSON."""

import dataclasses
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import Machine
from pipeline.errors import ConfigError


@dataclass(frozen=True)
class Figure:
    """One quantity, measured one or more times.

    Attributes:
        name: What it is.
        unit: Of the samples.
        samples: Every measurement, in order.
        at_least: The target, where more is better; None without one.
        at_most: The target, where less is better; None without one.
        note: What a reader has to know to read it rightly.
    """

    name: str
    unit: str
    samples: tuple[float, ...]
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        """A figure has at least one sample."""
        assert self.samples, self.name

    @property
    def median(self) -> float:
        """Of the samples."""
        return statistics.median(self.samples)

    @property
    def is_met(self) -> bool | None:
        """Whether the median reaches the target; None without one."""
        if self.at_least is not None:
            return self.median >= self.at_least
        return self.median <= self.at_most if self.at_most is not None else None


@dataclass(frozen=True)
class BenchReport:
    """One run of a bench.

    Attributes:
        bench: Its name.
        machine: Where it ran, with which versions.
        settings: What was asked for: sizes, batch, warm-up, repeats.
        figures: What was measured, ceilings of the hardware first.
        not_measured: What a reader could expect and is not here, with the reason.
    """

    bench: str
    machine: Machine
    settings: Mapping[str, object]
    figures: tuple[Figure, ...]
    not_measured: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class WrittenReport:
    """What a report that was written as JSON says; of settings and machine, whatever it says.

    Attributes:
        medians: By the figures' names.
        settings: As of `BenchReport`.
        machine: As of `Machine`.
    """

    medians: Mapping[str, float]
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]


def as_json(report: BenchReport, command: str) -> dict[str, object]:
    """The report as plain values, every sample included."""
    return {
        "bench": report.bench,
        "command": command,
        "machine": dataclasses.asdict(report.machine),
        "settings": dict(report.settings),
        "figures": [_figure_json(figure) for figure in report.figures],
        "not_measured": list(report.not_measured),
    }


def table_lines(report: BenchReport) -> Iterator[str]:
    """The report for people: where, with what, then a line a figure."""
    machine = report.machine
    yield f"{report.bench} on {machine.device}, {machine.num_cores} cores ({machine.cpu})"
    yield ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    if machine.commit is not None:
        yield f"commit {machine.commit}"
    if machine.load_average is not None:
        yield f"load average before: {machine.load_average:.2f}"
    yield ", ".join(f"{name}={_text(value)}" for name, value in report.settings.items())
    yield from _aligned(
        [
            ("", "median", "unit", "lowest", "highest", "n", "target"),
            *(_cells(figure) for figure in report.figures),
        ]
    )
    for figure in report.figures:
        if figure.note:
            yield f"  {figure.name}: {figure.note}"
    for sentence in report.not_measured:
        yield f"not measured: {sentence}"


def read_report(path: Path) -> WrittenReport:
    """A report that was written as JSON.

    Raises:
        ConfigError: The file is not there, or is no such report.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return WrittenReport(
            medians={figure["name"]: float(figure["median"]) for figure in report["figures"]},
            settings=dict(report.get("settings", {})),
            machine=dict(report.get("machine", {})),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: not a report of h3r bench: {type(error).__name__}. Make one with --json FILE"
        ) from error


def number(value: float) -> str:
    """Three digits, and thousands in full."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _figure_json(figure: Figure) -> dict[str, object]:
    return {
        **dataclasses.asdict(figure),
        "median": figure.median,
        "lowest": min(figure.samples),
        "highest": max(figure.samples),
        "is_met": figure.is_met,
    }


def _cells(figure: Figure) -> tuple[str, ...]:
    target = ""
    if figure.at_least is not None:
        target = f">= {number(figure.at_least)}"
    elif figure.at_most is not None:
        target = f"<= {number(figure.at_most)}"
    if target:
        target += " met" if figure.is_met else " MISSED"
    return (
        figure.name,
        number(figure.median),
        figure.unit,
        number(min(figure.samples)),
        number(max(figure.samples)),
        str(len(figure.samples)),
        target,
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, median, unit, *others in rows:
        cells = [name.ljust(widths[0]), median.rjust(widths[1]), unit.ljust(widths[2])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[3:], strict=True)]
        yield "  ".join(cells).rstrip()


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return str(value)
