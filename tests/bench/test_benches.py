"""Every bench runs, small; what it counts and divides is right. No figure is held to anything."""

import json
import shutil
import sys

import numpy as np
import pytest

from bench.decode import _choose_loops, _decode_more, _run_ffmpeg, _Spent
from bench.depth import DepthOptions, draw_room
from bench.memory import MemoryOptions, bench_memory, make_video
from bench.pipeline import _filling_note, default_threads
from bench.processes import run_here
from bench.scale import ScaleOptions, bench_scale
from pipeline.job import identify
from pipeline.models import ModelSource
from pipeline.probe import probe_video
from tests.commands import h3r
from tests.synthetic import make_video as make_coded_video


def figures(path):
    return {figure["name"]: figure for figure in json.loads(path.read_text())["figures"]}


@pytest.fixture
def json_file(tmp_path):
    return tmp_path / "figures.json"


def test_decode(tmp_path, json_file, monkeypatch):
    monkeypatch.setattr("bench.decode.FFMPEG_S", 0.2)
    make_coded_video(tmp_path / "a.mp4", 12)
    answer = h3r("bench", "decode", tmp_path / "a.mp4", "--repeats", 2, "--json", json_file)
    assert answer.exit_code == 0, answer.stderr
    assert "h264 128x96, 12 frames" in answer.stdout
    found = figures(json_file)
    ours, bare = found["network's pictures"]["samples"], found["libav, all cores"]["samples"]
    ratio = found["network's pictures, of libav on all cores"]["samples"]
    assert ratio == pytest.approx([ours[0] / bare[0], ours[1] / bare[1]])


needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def test_the_start_of_ffmpeg_does_not_count(tmp_path, monkeypatch):
    make_coded_video(tmp_path / "a.mp4", 12)
    runs = {0: _Spent(12, 1.0, 2.0), 100: _Spent(1212, 4.0, 8.0)}
    monkeypatch.setattr("bench.decode._run_ffmpeg", lambda video, num_loops: runs[num_loops])
    assert _decode_more(str(tmp_path / "a.mp4"), 100) == _Spent(1200, 3.0, 6.0)


@needs_ffmpeg
def test_ffmpeg_decodes_as_often_as_it_is_asked_to(tmp_path):
    make_coded_video(tmp_path / "a.mp4", 12)
    assert _run_ffmpeg(str(tmp_path / "a.mp4"), 0).num_frames == 12
    assert _run_ffmpeg(str(tmp_path / "a.mp4"), 9).num_frames == 120


@needs_ffmpeg
def test_a_ceiling_of_other_frames_is_none(tmp_path):
    make_coded_video(tmp_path / "a.mp4", 12)
    num_loops, reason = _choose_loops(str(tmp_path / "a.mp4"), 13)
    assert num_loops == 0
    assert reason == ("it gives 12 frames, and 24 of the video 2 times over, where the job has 13")


@pytest.mark.parametrize("is_one_word", [False, True])
def test_depth(json_file, monkeypatch, is_one_word):
    where = [f"--json={json_file}"] if is_one_word else ["--json", str(json_file)]
    arguments = ["bench", "depth", *where, "--frames", "2", "--repeats", "1"]
    monkeypatch.setattr("sys.argv", ["h3r", *arguments])
    answer = h3r(*arguments)
    assert answer.exit_code == 0, answer.stderr
    command = json.loads(json_file.read_text())["command"]
    assert command == "h3r bench depth --frames 2 --repeats 1"
    found = figures(json_file)
    assert found["16 bits a pixel, not compressed"]["median"] == 2 * 512 * 288 / 1000
    assert found["noise 0: size"]["median"] < found["noise 0.01: size"]["median"]
    assert found["noise 0.001: largest error"]["is_met"]


def test_the_room_has_the_noise_that_was_asked_for():
    options = DepthOptions(width=64, height=32, num_frames=2)
    calm, noisy = draw_room(options, 0.0), draw_room(options, 1e-2)
    assert calm[0].min() == pytest.approx(6.0)  # the wall
    assert calm[1].min() == pytest.approx(5.98)  # nearer by a step
    assert np.std(np.log(noisy[0] / calm[0])) == pytest.approx(1e-2, rel=0.1)


def test_pipeline(small_source, tmp_path, json_file):
    make_coded_video(tmp_path / "src.mp4", 8)
    answer = h3r(
        *("bench", "pipeline", tmp_path / "src.mp4", "--preset", "tiny", "--threads", 1),
        *("--repeats", 1, "--json", json_file),
    )
    assert answer.exit_code == 0, answer.stderr
    report, found = json.loads(json_file.read_text()), figures(json_file)
    assert (report["settings"]["frames"], report["settings"]["clips"]) == (8, 1)
    ratio = found["whole job"]["median"] / found["network alone"]["median"]
    assert found["whole job, of the network alone"]["median"] == pytest.approx(ratio)
    assert found["whole job, of the network alone"]["note"].startswith("of 1 shards only")
    assert "whole job, of the job without depth" not in found  # it was not asked for


def test_the_job_without_depth_is_run_too(tmp_path, json_file, monkeypatch):
    labels = []

    def note(models, plan, config):
        labels.append(config)
        return identify(models, plan, config)

    monkeypatch.setattr("bench.pipeline.identify", note)
    make_coded_video(tmp_path / "src.mp4", 4)
    answer = h3r(
        *("bench", "pipeline", tmp_path / "src.mp4", "--preset", "tiny", "--threads", 1),
        *("--repeats", 1, "--and-without-depth", "--json", json_file),
    )
    assert answer.exit_code == 0, answer.stderr
    assert [config.depth for config in labels] == [
        True,
        False,
    ] * 2  # in turns, after one to warm up
    assert len(figures(json_file)["whole job, of the job without depth"]["samples"]) == 1


@pytest.mark.parametrize(("num_shards", "has_note"), [(1, True), (3, True), (4, False)])
def test_few_shards_are_mostly_filling_and_draining(num_shards, has_note):
    assert ("filling and draining" in _filling_note(num_shards)) == has_note


def test_pipeline_says_which_video_cannot_be_read(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    answer = h3r("bench", "pipeline", tmp_path, "--preset", "tiny", "--threads", 1)
    assert answer.exit_code == 1
    assert "broken.mp4: it is no video" in answer.stderr
    assert "Measure with videos that can be read" in answer.stderr


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (8, 7)])
def test_a_core_is_left_for_everything_else(cores, threads):
    assert default_threads(cores) == threads


def test_memory():
    models = ModelSource(None, "tiny", 0, None)
    options = MemoryOptions(models, seconds=(2, 4), batches=(2,), shard_frames=4, sample_fps=2.0)
    found = {figure.name: figure for figure in bench_memory(options, run=run_here).figures}
    short, long = (found[f"tiny, batch 2, {seconds} s: most memory"] for seconds in (2, 4))
    assert short.note.startswith("8 frames")  # two videos of 4
    assert long.note.startswith("10 frames")  # a clip begins with the last of the one before
    ratio = found["batch 2: most memory, longest of shortest"].median
    assert ratio == pytest.approx(long.median / short.median)
    grown = found["tiny, batch 2, 4 s: kept at the end, of kept after the first shards"]
    first_mib, left_mib = (int(word) for word in grown.note.split() if word.isdigit())
    assert grown.median == pytest.approx(left_mib / first_mib, rel=0.01)
    assert long.median > left_mib


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what is mapped")
def test_a_limit_that_no_worker_fits_into_is_named():
    answer = h3r("bench", "memory", "--preset", "tiny", "--seconds", 2, "--limit-mib", 1)
    assert answer.exit_code == 1
    assert answer.stderr.splitlines()[-1].startswith("h3r: --limit-mib 1: a worker failed within")


def test_a_video_for_memory_has_the_length_that_was_asked_for(tmp_path):
    (tmp_path / "a.mp4").write_bytes(make_video(2))
    info = probe_video(tmp_path / "a.mp4", "a.mp4")
    assert (info.num_frames, info.fps) == (60, 30.0)


@pytest.mark.usefixtures("ray_cluster")
def test_scale():
    options = ScaleOptions((100,), 1, (4,), (2,), shard_s=0.05, shards_per_worker=4, repeats=1)
    found = {figure.name: figure for figure in bench_scale(options, run=run_here).figures}
    assert found["100 clips: plan from a list"].at_most is None  # the target is a large one's
    assert found["100 clips: memory of plan, resume, status"].median > 0.01
    assert len(found["100 clips: read a shard's plan"].samples) == 20
    committed = found["100 clips: commit a shard"]
    assert committed.note.startswith("its file, and its share of a digest of 8;")  # of 25 left
    digested = found["100 clips: commit a shard, of which the digest"]
    pairs = zip(digested.samples, committed.samples, strict=True)
    assert [0 < part < whole for part, whole in pairs] == [True] * 3
    assert found["2 workers: tail of the run"].at_most == 0.05
    assert found["2 workers: work done, of 2 x one worker's"].median > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scale", "--clips", 0), "'--clips'"),
        (("scale", "--clips-per-video", 0), "'--clips-per-video'"),
        (("scale", "--clips", 150, "--clips-per-video", 100), "--clips 150: are no whole videos"),
        (("scale", "--shards", 0), "'--shards'"),
        (("scale", "--workers", 0), "'--workers'"),
        (("scale", "--shard-s", -1), "'--shard-s'"),
        (("scale", "--shard-s", 0), "'--shard-s'"),
        (("scale", "--shard-s", "inf"), "'--shard-s'"),
        (("scale", "--shards-per-worker", 1), "'--shards-per-worker'"),
        (("scale", "--repeats", 0), "'--repeats'"),
        (("model", "--preset", "tiny", "--width", 0), "'--width'"),
        (("model", "--preset", "tiny", "--height", 0), "'--height'"),
        (("model", "--preset", "tiny", "--clips", 0), "'--clips'"),
        (("model", "--preset", "tiny", "--frames", 0), "'--frames'"),
        (("model", "--preset", "tiny", "--people", -1), "'--people'"),
        (("model", "--preset", "tiny", "--people", "inf"), "'--people'"),
        (("precision", "a.mp4", "--body-model", "b", "--frames", 0), "'--frames'"),
        (("pipeline", "a.mp4", "--batch-clips", 0), "'--batch-clips'"),
        (("pipeline", "a.mp4", "--threads", 0), "'--threads'"),
        (("decode", "a.mp4", "--repeats", 0), "'--repeats'"),
        (("depth", "--frames", 0), "'--frames'"),
        (("memory", "--seconds", 0), "'--seconds'"),
        (("memory", "--batch-clips", 0), "'--batch-clips'"),
        (("memory", "--limit-mib", 0), "'--limit-mib'"),
    ],
)
def test_a_number_that_nothing_can_be_measured_with_is_refused(arguments, said):
    answer = h3r("bench", *arguments)
    assert answer.exit_code == 2
    assert said in " ".join(answer.stderr.replace("│", " ").split())


@pytest.mark.parametrize("name", ["pipeline", "memory"])
def test_weights_or_a_preset_have_to_be_given(name, tmp_path):
    src = (tmp_path,) if name == "pipeline" else ()
    answer = h3r("bench", name, *src)
    assert answer.exit_code == 2
    assert "give either --weights FILE or --preset NAME" in " ".join(answer.stderr.split())


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path):
    answer = h3r("bench", "depth", "--json", tmp_path / "none" / "figures.json")
    assert answer.exit_code == 2
    assert answer.stderr.endswith("its folder does not exist. Choose another place\n")
