"""Pieces of HTML that the sections of a report share; everything in them is escaped."""

import base64
from html import escape

from evaluation.result import Metric

HEADLINE = ("F1", "IDF1", "MPJPE", "PA-MPJPE", "ATE", "AbsRel, metric")
"""Metrics that stand above the others, and again for every sequence."""
DASH = '<span class="missing">&ndash;</span>'


def value_text(metric: Metric) -> str:
    """Four digits and the unit, or a dash."""
    if metric.value is None:
        return DASH
    value = f"{metric.value:.4g}" if abs(metric.value) < 1e4 else f"{metric.value:.0f}"
    unit = escape(metric.unit.replace("^3", "³"))
    return f'{value} <span class="unit">{unit}</span>' if unit else value


def figure(png: bytes, caption: str) -> str:
    """A picture with its caption, which also describes it to those who cannot see it."""
    data = base64.b64encode(png).decode("ascii")
    text = escape(caption)
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun, in the plural `many` (by default with an s) unless it is 1."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
