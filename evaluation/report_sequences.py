"""The part of a report that shows sequences one by one."""

from collections.abc import Sequence
from html import escape

import numpy as np

from evaluation.plots import errors_over_time_png, paths_png
from evaluation.report_parts import DASH, HEADLINE, figure
from evaluation.result import SequenceResult

RANKED_BY = ("MPJPE", "Head position", "ATE", "AbsRel, metric")
"""The first of these that any sequence has orders the sequences."""
NUM_DRAWN = 8
"""Sequences with plots; a page of hundreds would not open."""


def sequences_section(sequences: Sequence[SequenceResult]) -> str:
    """A table of all sequences, the worst first, and plots of the first of them."""
    ranked, measure = _worst_first(sequences)
    if not ranked:
        return "<section><h2>Sequences</h2><p>There are none.</p></section>"
    order = f"by {escape(measure)}" if measure else "in the order of the truth"
    rows = "".join(_sequence_row(place, item) for place, item in enumerate(ranked))
    units = {metric.name: metric.unit for item in ranked for metric in item.metrics if metric.unit}
    names = "".join(
        f'<th class="number">{escape(name + (f" [{units[name]}]" if name in units else ""))}</th>'
        for name in HEADLINE
    )
    plots = "".join(_sequence_plots(place, item) for place, item in enumerate(ranked[:NUM_DRAWN]))
    rest = len(ranked) - NUM_DRAWN
    left_out = f"<p>The other {rest:,} are in the table above.</p>" if rest > 0 else ""
    return (
        f"<section><h2>Sequences, worst first</h2><p>Those where every person was missed, then the "
        f"others {order}. A sequence is what one piece of the labels and one of the truth have in "
        "common; a piece is the clips of a shot, joined over the frames they share.</p>"
        '<div class="scroll"><table><thead><tr><th>Video</th><th class="number">Frames</th>'
        f'<th class="number">People found</th>{names}</tr></thead><tbody>{rows}</tbody></table>'
        f"</div>{plots}{left_out}</section>"
    )


def _worst_first(
    sequences: Sequence[SequenceResult],
) -> tuple[list[SequenceResult], str | None]:
    """Sequences where all people were missed, then the others by the measure named."""
    measure = next(
        (name for name in RANKED_BY if any(_number(item, name) is not None for item in sequences)),
        None,
    )

    def badness(sequence: SequenceResult) -> tuple[bool, float]:
        missed_all = bool(sequence.num_true.sum() > 0 and sequence.num_matched.sum() == 0)
        value = _number(sequence, measure) if measure is not None else None
        return missed_all, -np.inf if value is None else value

    return sorted(sequences, key=badness, reverse=True), measure


def _number(sequence: SequenceResult, name: str) -> float | None:
    return next((metric.value for metric in sequence.metrics if metric.name == name), None)


def _sequence_row(place: int, sequence: SequenceResult) -> str:
    uri = escape(sequence.uri)
    name = f'<a href="#sequence-{place}">{uri}</a>' if place < NUM_DRAWN else uri
    numbers = [_number(sequence, name) for name in HEADLINE]
    values = "".join(
        f'<td class="number">{DASH if number is None else _three_digits(number)}</td>'
        for number in numbers
    )
    found = f"{sequence.num_matched.sum()} of {sequence.num_true.sum()}"
    return (
        f'<tr><td class="name">{name}</td><td class="number">{_span(sequence)}</td>'
        f'<td class="number">{found}</td>{values}</tr>'
    )


def _span(sequence: SequenceResult) -> str:
    index = sequence.frame_index
    return f"{index[0]} to {index[-1]}" if len(index) else "none"


def _sequence_plots(place: int, sequence: SequenceResult) -> str:
    time = figure(
        errors_over_time_png(sequence),
        "Error of every frame; a gap is a frame where nothing could be compared.",
    )
    view = "From above, by the true ground"
    if sequence.up is None:
        view = "By x and z of the first camera, which is from above where that camera is level"
    paths = figure(
        paths_png(sequence),
        f"{view}: the true paths broad and pale, the labelled ones thin, from their dot on. The "
        "labels are moved and turned as a whole onto the true camera path, not scaled.",
    )
    return (
        f'<article id="sequence-{place}"><h3>{escape(sequence.uri)}, frames {_span(sequence)}</h3>'
        f'<div class="pair">{time}{paths}</div></article>'
    )


def _three_digits(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:#.3g}"
