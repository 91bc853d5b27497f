import pytest

from synth.hidden import hidden_rows
from tests.synth.made_up import record, rendered


def rows_of(body, *frames, has_seam=False):
    truth, hidden = record(*frames)
    return hidden_rows("a.mp4", 100, truth.labels, hidden, body, has_seam=has_seam)


def test_nobody_hidden_gives_no_row(free_body):
    assert rows_of(free_body, rendered(0, (1, 0.5)), rendered(0, ())) == []


def test_a_hidden_person_has_its_frame_its_head_and_a_box_around_the_body(free_body):
    (row,) = rows_of(free_body, rendered(0, (1,)), rendered(0, (1, 0.05)))
    assert (row["uri"], row["frame_index"], row["head_px"]) == ("a.mp4", 101, [1, 1])
    # The head joint is at (1, 1, 3) m: focal length 20 and principal point (11.5, 7.5) put it at
    # (18.2, 14.2) px. The body is unturned, arms aslant, some 1.4 m wide: 9.5 px.
    left, top, right, bottom = row["box"]
    assert right - left == pytest.approx(9.5, abs=0.5)
    assert left < 18.2 < right
    assert top < 14.2 < bottom


def test_a_box_that_reaches_behind_the_camera_is_null(free_body):
    frame = rendered(0, (0,))
    frame.people.head_position[0, 2] = 0.01
    assert [row["box"] for row in rows_of(free_body, frame)] == [None]


@pytest.mark.parametrize(("has_seam", "frames"), [(False, [100, 101]), (True, [101])])
def test_a_shared_frame_is_told_of_once(free_body, has_seam, frames):
    rows = rows_of(free_body, rendered(0, (0,)), rendered(0, (0,)), has_seam=has_seam)
    assert [row["frame_index"] for row in rows] == frames
