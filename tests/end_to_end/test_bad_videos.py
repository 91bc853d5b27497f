"""One folder with every kind of bad video among good ones: bad ones are rows, good ones labels."""

import pyarrow.parquet as pq
import pytest

from tests.commands import h3r
from tests.synthetic import make_audio, make_video

TINY = {"width": 128, "height": 64}
NUM_FRAMES = 3
LONG = {"num_frames": 12, "width": 128, "height": 64, "gop": 3, "max_b_frames": 0}
FASTSTART = {"container_options": {"movflags": "faststart"}}

GOOD = {
    "good.mp4": {},
    "one frame.mp4": {"num_frames": 1},
    "odd size.mp4": {"pix_fmt": "yuv444p", "width": 127, "height": 63},
    "phone/portrait.mp4": {"rotation_deg": 90, "width": 64, "height": 128},
    "uneven.mp4": {"ticks": (0, 1, 7)},
    "a/same.mp4": {},
    "b/same.mp4": {},
    "Überraschung 跳舞 🕺.mp4": {},
    "with # and % and ' and ::.mp4": {},
}
# Name, stage and words of the row that stands for each bad file.
BAD = {
    "text.mp4": ("probe", "it is no video"),
    "cut, index at the end.mp4": ("probe", "cut short before its index"),
    "empty.mp4": ("probe", "the file is empty (0 bytes)"),
    "sound only.mp4": ("probe", "it has no video stream (only: audio)"),
    "link to nothing.mp4": ("probe", "cannot read: no such file or object"),
    "link out.mp4": ("probe", "it is a link that leads out of SRC. Allow it with --follow-links"),
    "thin.mp4": ("annotate", "a picture of 1000x10 pixels becomes 128x1 and is thinner"),
}

pytestmark = pytest.mark.usefixtures("ray_cluster")


def make_bad(folder):
    (folder / "text.mp4").write_text("not a video at all\n" * 50)
    (folder / "empty.mp4").touch()
    make_audio(folder / "sound only.mp4")
    (folder / "link to nothing.mp4").symlink_to(folder / "gone.mp4")
    make_video(folder.with_name("elsewhere.mp4"), NUM_FRAMES, **TINY)
    (folder / "link out.mp4").symlink_to(folder.with_name("elsewhere.mp4"))
    make_video(folder / "thin.mp4", NUM_FRAMES, width=1000, height=10)
    for name, options in (("cut, index at the end.mp4", {}), ("cut, index first.mp4", FASTSTART)):
        make_video(folder / name, **LONG, **options)
        data = (folder / name).read_bytes()
        pictures = data.index(b"mdat")
        num_bytes = int.from_bytes(data[pictures - 4 : pictures], "big")
        (folder / name).write_bytes(data[: pictures + num_bytes * 2 // 3])


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """(OUT, what the command said)."""
    source = tmp_path_factory.mktemp("bad") / "src"
    for name, options in GOOD.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        make_video(source / name, **({"num_frames": NUM_FRAMES} | TINY | options))
    make_bad(source)
    out = source.with_name("out")
    return out, h3r("annotate", source, out, "--preset", "tiny", "--json")


def rows_of(out, table, name):
    return [row for row in pq.read_table(out / table).to_pylist() if row["uri"] == name]


def test_the_job_ends_with_the_code_for_partial(job):
    _, answer = job
    assert answer.exit_code == 3, answer.stderr
    summary = answer.json
    assert summary["num_videos"] == len(GOOD) + len(BAD) + 1
    assert summary["num_failed"] == len(BAD)
    assert summary["num_done"] + summary["num_empty"] == len(GOOD) + 1
    assert summary["num_pending"] == 0
    assert summary["failures"] == {"probe/ProbeError": 6, "annotate/InputError": 1}
    assert len(summary["first_failures"]) == 5
    assert summary["first_failures"][0].startswith(
        "cut, index at the end.mp4: probe ProbeError: it"
    )


@pytest.mark.parametrize("name", BAD)
def test_a_bad_video_is_a_failed_row_that_says_why(job, name):
    out, _ = job
    stage, words = BAD[name]
    (row,) = rows_of(out, "clips", name)
    assert (row["status"], row["error_stage"]) == ("failed", stage)
    assert words in row["error_message"]
    assert row["frames_file"] is None


@pytest.mark.parametrize("name", GOOD)
def test_a_good_video_is_annotated(job, name):
    out, _ = job
    (row,) = rows_of(out, "clips", name)
    assert row["status"] in ("done", "empty")
    assert row["num_frames"] == row["num_frames_planned"] == GOOD[name].get("num_frames", 3)


def test_what_is_left_of_a_cut_video_is_annotated(job):
    out, _ = job
    (video,) = rows_of(out, "plan/videos.parquet", "cut, index first.mp4")
    (clip,) = rows_of(out, "clips", "cut, index first.mp4")
    assert (video["status"], video["is_truncated"]) == ("ok", True)
    assert 0 < clip["num_frames"] < LONG["num_frames"]


def test_portrait_by_rotation_is_seen_upright(job):
    out, _ = job
    (video,) = rows_of(out, "plan/videos.parquet", "phone/portrait.mp4")
    (clip,) = rows_of(out, "clips", "phone/portrait.mp4")
    assert (video["width"], video["height"], video["rotation_deg"]) == (64, 128, 90)
    assert (clip["model_width"], clip["model_height"]) == (64, 128)


def test_an_uneven_video_keeps_its_own_times(job):
    out, _ = job
    (clip,) = rows_of(out, "clips", "uneven.mp4")
    frames = pq.read_table(out / clip["frames_file"]).to_pylist()
    times_s = [row["time_s"] for row in frames if row["clip_id"] == clip["clip_id"]]
    assert times_s == pytest.approx([0, 1 / 30, 7 / 30])


def test_two_files_of_one_name_are_two_videos(job):
    out, _ = job
    clips = [rows_of(out, "clips", f"{folder}/same.mp4")[0] for folder in "ab"]
    assert clips[0]["video_id"] != clips[1]["video_id"]


def test_the_job_stays_partial_and_says_so_again(job):
    out, _ = job
    again = h3r("annotate", out.with_name("src"), out, "--preset", "tiny")
    assert again.exit_code == 3
    assert "this run: nothing to do" in again.stdout
    assert "failures: probe/ProbeError 6, annotate/InputError 1" in again.stdout
    assert "  empty.mp4: probe ProbeError: the file is empty (0 bytes)." in again.stdout
    assert "and 2 more: every clip has a row in" in again.stdout
    assert h3r("verify", out).exit_code == 0
