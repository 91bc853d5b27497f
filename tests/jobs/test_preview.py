import pytest
from PIL import Image

from tests.commands import h3r


def test_writes_a_picture_of_one_frame(small_out, tmp_path):
    answer = h3r(
        "preview", small_out, "--video", "a/walk.mp4", "--frame", 5, "-o", tmp_path / "a.png"
    )
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout == f"{tmp_path}/a.png: a/walk.mp4, frame 5 at 0.17 s, people: 1\n"
    assert Image.open(tmp_path / "a.png").width == 1800


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--video", "walk.mp4"), "Near it: a/walk.mp4, b/walk.mp4"),
        (("--video", "a/walk.mp4", "--frame", 99), "--frame 99: the frame has no labels"),
        (("--video", "a/walk.mp4", "--source", "nowhere"), "no such video"),
    ],
)
def test_what_cannot_be_shown_is_a_wrong_argument(small_out, tmp_path, arguments, message):
    answer = h3r("preview", small_out, *arguments, "-o", tmp_path / "a.png")
    assert answer.exit_code == 2
    assert message in answer.stderr
    assert not (tmp_path / "a.png").exists()
