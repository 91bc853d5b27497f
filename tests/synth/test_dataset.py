import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from evaluation.dataset import Dataset
from evaluation.evaluate import evaluate
from pipeline.errors import RefusedError
from pipeline.ledger import read_ledger, read_status
from pipeline.run_file import read_run
from pipeline.storage import Store
from pipeline.verify import verify
from schemas.truth_files import GROUND, HIDDEN
from synth.dataset import CorpusProgress, make_corpus
from synth.video_spec import draw_video
from tests.commands import files_of
from tests.conftest import FREE_BODY
from tests.synth.small_corpus import SPEC, truth_table

MOST_SUNK_MM = 1.0
TINY = replace(SPEC, num_videos=3, num_frames=2, variants=("plain",), min_people=1, max_people=1)


def make(out, spec=TINY, num_processes=1, **progress):
    return make_corpus(str(out), spec, str(FREE_BODY), num_processes, CorpusProgress(**progress))


def interrupt(*counts):
    raise KeyboardInterrupt


def test_the_truth_is_a_sound_dataset(small_corpus):
    verdict = verify(small_corpus.truth)
    assert verdict.faults == ()
    # plain 2 (8 frames), cuts 2, long 3, vfr 2, border 2, empty 2 clips of at most 6 frames
    assert verdict.num_clips == 13
    assert small_corpus.status == read_status(small_corpus.truth)
    assert small_corpus.status.num_failed == small_corpus.status.num_frames_lost == 0


def test_the_labels_say_that_they_are_the_truth(small_corpus, free_body):
    run = read_run(small_corpus.truth)
    assert run.source == str(small_corpus.path / "videos")
    assert run.identity.model_preset == "truth"
    assert run.identity.weights_sha256 == SPEC.sha256
    assert run.identity.body_model_sha256 == free_body.sha256
    assert not run.identity.is_untrained


def test_the_list_of_videos_says_what_each_is(small_corpus):
    lines = (small_corpus.path / "videos.jsonl").read_text().splitlines()
    videos = [json.loads(line) for line in lines]
    specs = [draw_video(SPEC, index) for index in range(6)]
    assert [video["uri"] for video in videos] == [spec.uri for spec in specs]
    assert [video["variant"] for video in videos] == list(SPEC.variants)
    assert [video["num_frames"] for video in videos] == [8, 8, 15, 8, 8, 8]
    for video, spec in zip(videos, specs, strict=True):
        assert (video["seed"], video["crf"]) == (4, spec.crf)
        kinds = [(shot["place"], shot["camera"], shot["num_people"]) for shot in video["shots"]]
        assert kinds == [(shot.place, shot.camera, shot.num_people) for shot in spec.shots]
        for clip in small_corpus.clips(spec.uri):
            shot = video["shots"][clip["shot_index"]]
            assert clip["focal_x_px"] == pytest.approx(shot["focal_px"])


def test_nothing_but_the_corpus_is_left(small_corpus):
    names = {name.split("/")[0] for name in files_of(small_corpus.path)}
    assert names == {"corpus.json", "videos", "videos.jsonl", "truth"}
    assert not list(small_corpus.path.rglob("staged"))
    assert len(list((small_corpus.path / "truth/masks").iterdir())) == 13


def test_hidden_people_have_a_table(small_corpus):
    schema = pq.read_schema(small_corpus.path / "truth/hidden.parquet")
    assert schema.equals(HIDDEN.schema)
    assert schema.names == ["uri", "frame_index", "head_px", "box"]


def test_every_clip_has_a_ground(small_corpus):
    table = pq.read_table(small_corpus.path / "truth/ground.parquet")
    assert table.schema.equals(GROUND.schema)
    ledger = read_ledger(small_corpus.truth, ["clip_id"])
    assert sorted(table["clip_id"].to_pylist()) == sorted(ledger["clip_id"].to_pylist())


def test_true_feet_stand_on_the_ground(small_corpus):
    truth = Dataset(small_corpus.truth)
    (metric,) = [m for m in evaluate(truth, truth).metrics if m.name == "Ground penetration"]
    assert metric.value == pytest.approx(0, abs=MOST_SUNK_MM)


def test_neither_the_number_of_videos_nor_of_processes_changes_one(small_corpus, tmp_path):
    make(tmp_path / "out", replace(SPEC, num_videos=2), num_processes=2)
    for uri in ("000000-plain.mp4", "000001-cuts.mp4"):
        again = tmp_path / "out/videos" / uri
        assert again.read_bytes() == (small_corpus.path / "videos" / uri).read_bytes()
        for table, place in (("frames", "depth_file"), ("people", None), ("tracks", None)):
            found, expected = (
                truth_table(store, table, uri)
                for store in (Store(str(tmp_path / "out/truth")), small_corpus.truth)
            )
            if place:  # it names the attempt; the depth is compared by its hash
                found, expected = found.drop(place), expected.drop(place)
            assert found.equals(expected)


def test_an_interrupted_corpus_goes_on_with_the_next_video(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "cut", on_video=interrupt)
    calls = []
    make(tmp_path / "cut", on_video=lambda *counts: calls.append(counts))
    assert calls == [(2, 3, 2), (3, 3, 4)]  # (videos done, videos, frames of this call)
    make(tmp_path / "whole")
    for name in ("videos/000000-plain.mp4", "videos/000002-plain.mp4", "videos.jsonl"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert verify(Store(str(tmp_path / "cut/truth"))).faults == ()


def test_an_interrupted_truth_goes_on_without_filming(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, on_shard=interrupt)
    assert not (tmp_path / "videos.jsonl").exists()
    videos = files_of(tmp_path / "videos")
    status = make(tmp_path, on_video=interrupt)
    assert files_of(tmp_path / "videos") == videos
    assert status.is_finished
    assert verify(Store(str(tmp_path / "truth"))).faults == ()


def test_a_corpus_that_is_whole_is_left_as_it_is(small_corpus):
    before = files_of(small_corpus.path)
    status = make(small_corpus.path, SPEC, on_video=interrupt, on_shard=interrupt)
    assert status == small_corpus.status
    assert files_of(small_corpus.path) == before


def test_other_arguments_on_a_corpus_are_refused(small_corpus):
    with pytest.raises(RefusedError) as caught:
        make(small_corpus.path, replace(SPEC, seed=5, num_videos=7))
    assert "\n  spec.num_videos: 6 -> 7\n  spec.seed: 4 -> 5\n" in str(caught.value)


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RefusedError, match="is not empty and holds no corpus"):
        make(tmp_path)
    assert files_of(tmp_path).keys() == {"notes.txt"}
