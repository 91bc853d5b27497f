from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from evaluation.report_html import render_html
from evaluation.result import Accounts
from tests.evaluation import made_up

HOSTILE = "<script>alert('&\"')</script>"
VOID = {"meta", "img"}
DASH = "\N{EN DASH}"


class Page(HTMLParser):
    """A page taken apart: its text, its links, and whether every tag is closed in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.text, self.attributes, self.tags = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def page():
    return Page(render_html(made_up.evaluation()))


def test_says_what_was_compared_with_what(page):
    assert "Evaluation of data/out against data/truth" in page.words
    assert "40 frames of 1 video, compared in 1 sequence." in page.words
    assert "h3r evaluate /data/out /data/truth" in page.words
    assert "nano, h3r 0.1.0" in page.words


def test_shows_every_metric_with_unit_direction_and_meaning(page):
    row = "MPJPE 61.5 mm ↓ lower How far it is off. 7 people"
    assert f"Bodies {row}" in page.words
    assert "ATE 0.0213 m ↓ lower" in page.words


def test_accounts_for_every_frame_of_the_truth(page):
    assert "Of the 50 frames of the truth: 40 (80.0 %) compared 7 (14.0 %) missing" in page.words
    assert "The 9 people in them count as missed 3 (6.0 %) never planned" in page.words


def test_needs_nothing_from_outside(page):
    links = [value for name, value in page.attributes if name in ("src", "href")]
    assert len(links) == 5  # four plots and one sequence
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in links)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)


def test_every_plot_is_described(page):
    described = [value for name, value in page.attributes if name == "alt"]
    assert len(described) == 4
    assert all(len(text) > 40 for text in described)


def test_names_from_outside_are_text():
    metric = made_up.metric(HOSTILE, 1.0, HOSTILE, group=HOSTILE, note=HOSTILE, sample=HOSTILE)
    side = replace(made_up.SIDE, uri=HOSTILE, source=HOSTILE, model_preset=HOSTILE)
    html = render_html(
        made_up.evaluation(
            command=HOSTILE,
            versions={HOSTILE: HOSTILE},
            pred=side,
            accounts=replace(
                made_up.evaluation().accounts,
                videos_not_planned=(HOSTILE,),
                videos_without_truth=(HOSTILE,),
            ),
            metrics=(metric,),
            sequences=(made_up.sequence(HOSTILE),),
        )
    )
    assert "<script" not in html
    assert "script" not in Page(html).tags
    assert Page(html).words.count(HOSTILE) >= 10


def test_what_was_not_measured_is_said_with_the_reason():
    metric = made_up.metric("PVE", None, note="no body model was given")
    words = Page(render_html(made_up.evaluation(metrics=(metric,), sequences=()))).words
    assert f"PVE {DASH} ↓ lower Not measured: no body model was given." in words


def test_nothing_in_common():
    nothing = made_up.evaluation(
        accounts=Accounts(0, 0, 0, 0, 0, 0, 0, (), ("other.mp4",)),
        metrics=(made_up.metric("MPJPE", None),),
        joint_error_mm=np.full(22, np.nan),
        depth_error_map=np.full((18, 32), np.nan),
        sequences=(),
    )
    words = Page(render_html(nothing)).words
    assert "The two have no frame in common: nothing was compared." in words
    assert "Labelled videos that have no truth: other.mp4" in words
    assert "Sequences There are none." in words


@pytest.mark.parametrize(
    ("side", "notice"),
    [
        ({"is_untrained": True}, "random weights"),
        (
            {"body_model_sha256": "d" * 64},
            "joints lie in different places: errors of joints are not measured.",
        ),
    ],
)
def test_warns_of_what_makes_numbers_mean_less(page, side, notice):
    changed = made_up.evaluation(pred=replace(made_up.SIDE, **side), sequences=())
    warned = Page(render_html(changed))
    assert notice in warned.words
    assert notice not in page.words
