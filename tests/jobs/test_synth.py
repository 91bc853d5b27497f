import json

import pytest

from tests.commands import h3r

TINY = ("--frames", 2, "--size", "64x48", "--people", "1-1", "--variant", "plain", "--jobs", 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(OUT, what the command said)."""
    out = tmp_path_factory.mktemp("synth") / "corpus"
    return out, h3r("synth", out, "--videos", 2, "--seed", 1, *TINY)


def test_says_what_was_made(made):
    out, answer = made
    assert answer.exit_code == 0
    first, second = answer.stdout.splitlines()
    assert first.startswith(f"{out}: 2 videos; their truth is 2 clips, 4 frames, ")
    assert second.startswith("this run: 4 frames in ")
    assert answer.stderr.startswith("synth 1/2 videos")
    assert answer.stderr.endswith("synth 1/1 shards of truth\n")


def test_our_own_readers_open_the_truth(made):
    out, _ = made
    assert h3r("status", out / "truth", "--json").json["num_frames"] == 4
    assert h3r("verify", out / "truth").exit_code == 0


def test_run_again_there_is_nothing_to_do(made):
    out, _ = made
    answer = h3r("synth", out, "--videos", 2, "--seed", 1, *TINY, "--json")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert (answer.json["out"], answer.json["run_frames"]) == (str(out), 0)
    assert answer.json["num_videos"] == 2


def test_another_seed_on_a_corpus_is_refused(made):
    out, _ = made
    answer = h3r("synth", out, "--videos", 2, "--seed", 2, *TINY)
    assert answer.exit_code == 4
    assert "\n  spec.seed: 1 -> 2\n" in answer.stderr


def test_lists_may_be_given_with_commas_or_again_and_again(tmp_path):
    options = ("--videos", 2, "--frames", 2, "--jobs", 1, "--people", "0-1", "--max-clip-frames", 9)
    sizes = ("--size", "64x48,48x64", "--size", "32x32", "--fps", "5,10")
    variants = ("--variant", "empty,vfr", "--variant", "plain")
    assert h3r("synth", tmp_path, *options, *sizes, *variants).exit_code == 0
    assert json.loads((tmp_path / "corpus.json").read_text())["spec"] == {
        "seed": 0,
        "num_videos": 2,
        "num_frames": 2,
        "sizes": [[64, 48], [48, 64], [32, 32]],
        "fps": [5, 10],
        "min_people": 0,
        "max_people": 1,
        "variants": ["empty", "vfr", "plain"],
        "max_clip_frames": 9,
        "num_long_frames": None,
    }


@pytest.mark.parametrize(("frames", "expected"), [(30, 30), (5, 10)])
def test_a_long_video_is_as_long_as_asked_for(tmp_path, frames, expected):
    options = ("--frames", frames, "--max-clip-frames", 4, "--variant", "long", "--people", "0-0")
    small = ("--size", "32x32", "--jobs", 1, "--json")
    answer = h3r("synth", tmp_path / "out", "--videos", 1, *options, *small)
    assert answer.exit_code == 0, answer.stderr
    assert answer.json["run_frames"] == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", "512"), "--size 512: give WxH, whole numbers"),
        (("--size", "512x288x3"), "--size 512x288x3: give WxH"),
        (("--size", "65x48"), "--size 65x48: both sides must be even"),
        (("--fps", "29.97"), "--fps 29.97: give N, whole numbers"),
        (("--people", "3"), "--people 3: give LEAST-MOST"),
        (("--people", "5-2"), "--people 5-2"),
        (
            ("--people", "0-0", "--variant", "border"),
            "--people 0-0 --variant border: border videos",
        ),
        (("--frames", "0"), "--frames 0"),
        (("--variant", "snow"), "--variant snow: must be one of mixed, plain, cuts"),
        (("--videos", 0), "--videos 0"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, options, message):
    answer = h3r("synth", tmp_path / "out", "--videos", 1, *options)
    assert answer.exit_code == 2
    assert message in " ".join(answer.stderr.replace("│", " ").split())
    assert not (tmp_path / "out").exists()
