import dataclasses
import shutil

import pytest

from pipeline import planning
from pipeline.config import LabelConfig, LabelIdentity, PlanConfig
from pipeline.errors import PlanError, RefusedError, SourceError, StorageError
from pipeline.plan import read_plan
from pipeline.planning import plan_job
from pipeline.run_file import read_run, write_run
from pipeline.storage import Store
from tests.synthetic import make_video


@pytest.fixture
def src(tmp_path):
    """Two short videos."""
    folder = tmp_path / "src"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        make_video(folder / name, 3)
    return folder


@pytest.fixture
def out(root_uri):
    return f"{root_uri}/out"


def test_a_new_out_holds_plan_and_run(src, out):
    job = plan_job(str(src), out, {"fps": 10.0})
    assert (job.source_root, job.num_new_files) == (str(src), 0)
    assert read_plan(job.store).videos["uri"].to_pylist() == ["a.mp4", "b.mp4"]
    run = read_run(Store(out))
    assert run == job.run
    assert (run.source, run.plan, run.identity) == (str(src), PlanConfig(fps=10.0), None)
    assert [file.path for file in job.store.list()] == [
        "plan/clips.parquet",
        "plan/videos.parquet",
        "run.json",
    ]


def test_known_cuts_are_planned_for_and_kept(src, out):
    job = plan_job(str(src), out, {}, cuts={"b.mp4": [1]})
    clips = read_plan(job.store).clips
    assert clips["start_frame"].to_pylist() == [0, 0, 1]
    assert clips["shot_index"].to_pylist() == [0, 0, 1]
    before = job.store.list()
    assert plan_job(str(src), out, {}).store.list() == before


def test_a_second_run_takes_the_plan_that_is_there(src, out):
    first = plan_job(str(src), out, {})
    before = first.store.list()
    (src / "a.mp4").unlink()
    probed = []
    second = plan_job(str(src), out, {}, lambda done, total: probed.append(done))
    assert second.run == first.run
    assert second.store.list() == before
    assert probed == []


def test_what_is_not_given_again_comes_from_the_plan(src, out):
    wanted = {"fps": 10.0, "max_clip_frames": 7, "exclude": ("b*",)}
    first = plan_job(str(src), out, wanted)
    assert plan_job(str(src), out, {}).run == first.run
    assert plan_job(str(src), out, {"max_clip_frames": 7}).run == first.run


def test_other_settings_are_refused_and_named(src, out):
    plan_job(str(src), out, {"fps": 10.0})
    with pytest.raises(RefusedError) as caught:
        plan_job(str(src), out, {"fps": 5.0, "max_clip_frames": 7})
    assert str(caught.value) == (
        f"{out}: was planned differently; going on would mix two datasets. What differs "
        "(OUT's -> yours):\n  fps: 10.0 -> 5.0\n  max_clip_frames: 100 -> 7\n"
        "Use OUT's settings, or annotate into a new OUT"
    )


@pytest.mark.parametrize("wanted", [{}, {"limit": 2}])
def test_another_src_is_refused(wanted, src, out, tmp_path):
    plan_job(str(src), out, wanted)
    other = tmp_path / "other"
    other.mkdir()
    make_video(other / "c.mp4", 3)
    with pytest.raises(RefusedError, match=r"2 other videos, such as 'a.mp4'; none of them is in"):
        plan_job(str(other), out, {})


def test_a_src_whose_videos_are_others_of_the_same_names_is_refused(src, out, tmp_path):
    plan_job(str(src), out, {})
    copied = shutil.copytree(src, tmp_path / "copied")  # as cp -p does
    assert plan_job(str(copied), out, {}).num_new_files == 0
    (copied / "a.mp4").touch()
    assert plan_job(str(copied), out, {}).num_new_files == 0  # one bad video stops no job
    (copied / "b.mp4").touch()
    with pytest.raises(RefusedError, match=r"2 videos, .*; all 2 in SRC have changed"):
        plan_job(str(copied), out, {})


def test_src_may_move(src, out, tmp_path):
    plan_job(str(src), out, {})
    src.rename(tmp_path / "moved")
    assert plan_job(str(tmp_path / "moved"), out, {}).source_root == str(tmp_path / "moved")


def test_new_files_are_counted_and_left_out(src, out):
    plan_job(str(src), out, {})
    make_video(src / "0.mp4", 3)
    make_video(src / "c.mp4", 3)
    job = plan_job(str(src), out, {})
    assert job.num_new_files == 2
    assert read_plan(job.store).videos["uri"].to_pylist() == ["a.mp4", "b.mp4"]


def test_new_files_before_the_limit_are_no_other_src(src, out):
    plan_job(str(src), out, {"limit": 1})
    make_video(src / "0.mp4", 3)
    assert plan_job(str(src), out, {}).num_new_files == 0
    assert plan_job(str(src), out, {"limit": 1}).num_new_files == 0


def test_out_below_src_is_no_part_of_it(src):
    out = src / "0_out"
    job = plan_job(str(src), str(out), {"limit": 2})
    make_video(out / "depth.mkv", 3)
    make_video(out / "depth2.mkv", 3)
    assert read_plan(job.store).videos["uri"].to_pylist() == ["a.mp4", "b.mp4"]
    assert plan_job(str(src), str(out), {}).num_new_files == 0


def test_src_that_is_gone_is_said(src, out, tmp_path):
    with pytest.raises(SourceError, match=r"gone: no such file or folder"):
        plan_job(str(tmp_path / "gone"), out, {})
    assert read_run(Store(out)) is None


def test_out_that_cannot_be_written_is_said_before_anything_is_probed(src, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    probed = []
    with pytest.raises(StorageError, match="A file and a folder have the same name"):
        plan_job(str(src), str(tmp_path / "file" / "out"), {}, lambda *_: probed.append(1))
    assert probed == []


def test_a_plan_that_is_gone_is_not_made_anew_below_what_is_committed(src, out):
    job = plan_job(str(src), out, {})
    identity = LabelIdentity("tiny", "a" * 64, True, None, 1, job.run.plan, LabelConfig())
    write_run(job.store, dataclasses.replace(job.run, identity=identity))
    job.store.delete("plan/clips.parquet")
    with pytest.raises(PlanError, match=r"run.json is there but plan/clips.parquet is gone"):
        plan_job(str(src), out, {})
    assert read_run(job.store).identity == identity


def test_a_lost_run_file_is_not_made_anew_above_what_is_committed(src, out):
    store = plan_job(str(src), out, {}).store
    store.write("clips/shard-000000.parquet", b"a commit")
    store.delete("run.json")
    before = store.list()
    with pytest.raises(PlanError, match=r"clips are committed but run.json is gone"):
        plan_job(str(src), out, {"max_clip_frames": 2})
    assert store.list() == before


def test_planning_that_was_interrupted_starts_again(src, out):
    job = plan_job(str(src), out, {})
    job.store.delete("run.json")
    assert plan_job(str(src), out, {"max_clip_frames": 2}).run.plan.max_clip_frames == 2
    assert read_plan(job.store).clips.num_rows == 4


def test_planning_that_was_stopped_between_run_file_and_plan_goes_on(src, out):
    job = plan_job(str(src), out, {"max_clip_frames": 2})
    plan = read_plan(job.store)
    job.store.delete("plan/clips.parquet")
    with pytest.raises(RefusedError, match="max_clip_frames: 2 -> 3"):
        plan_job(str(src), out, {"max_clip_frames": 3})
    assert plan_job(str(src), out, {}).run == job.run
    assert read_plan(job.store).clips == plan.clips


@pytest.mark.parametrize("max_clip_frames", [2, 3])
def test_of_two_plannings_at_once_the_first_one_counts(src, out, monkeypatch, max_clip_frames):
    make, others = planning.make_plan, []

    def make_while_another_plans(*arguments, **options):
        monkeypatch.setattr(planning, "make_plan", make)
        others.append(plan_job(str(src), out, {"max_clip_frames": 2}))
        return make(*arguments, **options)

    monkeypatch.setattr(planning, "make_plan", make_while_another_plans)
    if max_clip_frames == 2:
        assert plan_job(str(src), out, {"max_clip_frames": 2}).run == others[0].run
    else:
        with pytest.raises(RefusedError, match="max_clip_frames: 2 -> 3"):
            plan_job(str(src), out, {"max_clip_frames": 3})
    (other,) = others
    assert read_run(other.store) == other.run
    assert read_plan(other.store).clips.num_rows == 4
