import pytest

from evaluation.report_parts import DASH, counted, figure, value_text
from tests.evaluation.made_up import metric


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (61.523, "mm", '61.52 <span class="unit">mm</span>'),
        (0.98765, "", "0.9877"),
        (3.0, "", "3"),
        (123456.7, "m/s^3", '123457 <span class="unit">m/s\N{SUPERSCRIPT THREE}</span>'),
        (1.0, "<b>", '1 <span class="unit">&lt;b&gt;</span>'),
        (0.0, "mm", '0 <span class="unit">mm</span>'),
        (None, "mm", DASH),
    ],
)
def test_a_value_has_four_digits_and_a_unit(value, unit, text):
    assert value_text(metric("M", value, unit)) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 frames"), (1, "1 frame"), (12345, "12,345 frames")]
)
def test_things_are_counted(number, text):
    assert counted(number, "frame") == text


def test_people_are_counted():
    assert (counted(1, "person", "people"), counted(2, "person", "people")) == (
        "1 person",
        "2 people",
    )


def test_a_figure_holds_its_picture_and_escapes_its_caption():
    assert figure(b"png", "a < b") == (
        '<figure><img alt="a &lt; b" src="data:image/png;base64,cG5n">'
        "<figcaption>a &lt; b</figcaption></figure>"
    )
