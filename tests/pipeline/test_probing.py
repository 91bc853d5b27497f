"""What may pass is no part of a plan: it is waited for, or nothing is planned and nothing lost."""

import pytest

from pipeline import probe_journal, probing
from pipeline.config import PlanConfig
from pipeline.errors import CredentialsError, PlanError, ProbeError
from pipeline.layout import PROBED_FOLDER
from pipeline.plan import has_plan, make_plan, write_plan
from pipeline.planning import plan_job
from pipeline.run_file import read_run
from pipeline.source import list_source
from pipeline.storage import Store
from tests.commands import h3r
from tests.stores import FlakyFileSystem
from tests.synthetic import make_video

NUM_VIDEOS = 5


@pytest.fixture
def src(tmp_path):
    """Five videos on a connection that breaks now and then, and a text that is none."""
    make_video(tmp_path / "a.mp4", 3)
    uri = f"flaky://{tmp_path.name}/src"
    for index in range(NUM_VIDEOS):
        Store(uri).write(f"{index}.mp4", (tmp_path / "a.mp4").read_bytes())
    Store(uri).write("text.mp4", b"no video")
    FlakyFileSystem.num_opened.clear()
    return uri


@pytest.fixture
def broken(monkeypatch):
    """Has the connection break whenever one of the videos of these names is opened."""
    names: set[str] = set()
    open_as_before = FlakyFileSystem._open

    def open_or_break(fs, path, mode="rb", **options):
        if mode == "rb" and path.rsplit("/", 1)[1] in names:
            fs.num_opened[path] = fs.num_opened.get(path, 0) + 1
            raise ConnectionResetError("connection reset by peer")
        return open_as_before(fs, path, mode, **options)

    monkeypatch.setattr(FlakyFileSystem, "_open", open_or_break)
    return names


def num_probed(src):
    """Videos that were opened since this was asked last."""
    found = len(FlakyFileSystem.num_opened)
    FlakyFileSystem.num_opened.clear()
    return found


def undisturbed(src, out):
    """The bytes of the plan that a good connection gives."""
    store = Store(str(out))
    write_plan(store, make_plan(list_source(src), PlanConfig()))
    FlakyFileSystem.num_opened.clear()
    return plan_bytes(store)


def plan_bytes(store):
    return [store.read(f"plan/{name}.parquet") for name in ("videos", "clips")]


def test_a_video_that_cannot_be_read_for_now_is_tried_again_after_the_others(src, tmp_path, broken):
    expected = undisturbed(src, tmp_path / "good")
    broken.add("1.mp4")

    def mend(done, total):
        if done == NUM_VIDEOS:  # all others
            broken.clear()

    job = plan_job(src, str(tmp_path / "out"), {}, mend)
    assert plan_bytes(job.store) == expected
    assert job.store.list(PROBED_FOLDER) == []


def test_nothing_is_planned_while_a_video_cannot_be_read_and_the_others_are_not_read_again(
    src, tmp_path, broken
):
    expected = undisturbed(src, tmp_path / "good")
    store = Store(str(tmp_path / "out"))
    broken |= {"1.mp4", "3.mp4"}
    words = (
        r"nothing is planned, since a plan never changes and 2 of 6 videos could not be read for "
        r"now:\n  1\.mp4: .*connection reset by peer \(tried 8 times\)(.|\n)*3\.mp4: .*\nWhat was "
        r"found of the others is kept: run the same command again, or leave those out with --excl"
    )
    for num_asked in (NUM_VIDEOS + 1, 3):  # the two, and the text: why a file failed may change
        with pytest.raises(PlanError, match=words) as caught:
            plan_job(src, store.uri, {})
        assert caught.value.is_transient
        assert (has_plan(store), read_run(store)) == (False, None)
        assert num_probed(src) == num_asked
    broken.clear()
    assert plan_bytes(plan_job(src, store.uri, {}).store) == expected
    assert num_probed(src) == 3
    assert store.list(PROBED_FOLDER) == []


def test_a_planning_of_many_pieces_gives_the_same_plan(src, tmp_path, broken, monkeypatch):
    expected = undisturbed(src, tmp_path / "good")
    monkeypatch.setattr(probe_journal, "MAX_VIDEOS", 2)
    monkeypatch.setattr(probe_journal, "NUM_READ", 1)
    store = Store(str(tmp_path / "out"))
    broken |= {"0.mp4", "3.mp4"}
    num_kept = []

    def mend(done, total):
        num_kept.append(len(store.list(PROBED_FOLDER)))
        if done == 4:  # all others: 1, 2, 4 and the text
            broken.clear()

    plan_job(src, store.uri, {}, mend)
    assert plan_bytes(store) == expected
    assert num_kept == [0, 1, 1, 1, 2, 2]
    assert store.list(PROBED_FOLDER) == []


def test_however_many_cannot_be_read_for_now_all_are_tried_again(src, tmp_path, monkeypatch):
    expected = undisturbed(src, tmp_path / "good")
    monkeypatch.setattr(probing, "MAX_IN_A_ROW", 2)
    tried = set()

    def fail_once(root, file):
        if file.name in {"0.mp4", "2.mp4", "4.mp4"} - tried:
            tried.add(file.name)
            failure = ProbeError(f"{file.name}: reset")
            failure.is_transient = True
            return failure
        return probing.probe_file(root, file)

    store = Store(str(tmp_path / "out"))
    write_plan(store, make_plan(list_source(src), PlanConfig(), probe=fail_once))
    assert plan_bytes(store) == expected
    assert tried == {"0.mp4", "2.mp4", "4.mp4"}


def test_the_command_says_so_and_goes_on_without_them(src, tmp_path, broken):
    broken.add("1.mp4")
    answer = h3r("plan", src, tmp_path / "out")
    assert answer.exit_code == 1
    assert "h3r: nothing is planned, since" in answer.stderr
    again = h3r("plan", src, tmp_path / "out", "--exclude", "1.mp4", "--json")
    assert again.json["num_videos"] == 5


def test_a_store_that_is_out_of_order_is_given_up_soon(src, tmp_path, broken, monkeypatch):
    monkeypatch.setattr(probing, "MAX_IN_A_ROW", 2)
    monkeypatch.setattr(probing, "PROBE_THREADS", 1)
    broken |= {f"{index}.mp4" for index in range(NUM_VIDEOS)}
    with pytest.raises(PlanError, match="2 of 6 videos could not be read"):
        plan_job(src, str(tmp_path / "out"), {})
    assert num_probed(src) <= 3


def test_refused_credentials_end_it_at_once_and_are_no_videos_fault(src, tmp_path, monkeypatch):
    num_opened = []

    def refuse(store, path):
        num_opened.append(path)
        raise CredentialsError(f"{path}: the store refuses the credentials")

    monkeypatch.setattr(probing, "PROBE_THREADS", 1)
    monkeypatch.setattr(Store, "_open", refuse)
    with pytest.raises(CredentialsError, match=r"0\.mp4: the store refuses the credentials"):
        plan_job(src, str(tmp_path / "out"), {})
    assert num_opened == ["0.mp4"]
    assert not has_plan(Store(str(tmp_path / "out")))


def test_a_planning_that_is_interrupted_goes_on_where_it_was(src, tmp_path, monkeypatch):
    expected = undisturbed(src, tmp_path / "good")
    monkeypatch.setattr(probing, "PROBE_THREADS", 1)
    monkeypatch.setattr(probe_journal, "MAX_VIDEOS", 2)

    def interrupt(done, total):
        if done == 3:
            raise KeyboardInterrupt

    out = str(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        plan_job(src, out, {}, interrupt)
    num_probed(src)
    assert len(Store(out).list(PROBED_FOLDER)) == 2  # two videos, and one when it ended
    job = plan_job(src, out, {})
    assert num_probed(src) == 3  # 3, 4 and the text
    assert plan_bytes(job.store) == expected


def test_what_was_kept_of_another_version_of_a_video_does_not_count(src, tmp_path, broken):
    broken.add("1.mp4")
    out = str(tmp_path / "out")
    with pytest.raises(PlanError, match="1 of 6"):
        plan_job(src, out, {})
    make_video(tmp_path / "longer.mp4", 4)
    Store(src).write("0.mp4", (tmp_path / "longer.mp4").read_bytes())
    broken.clear()
    plan_job(src, out, {})
    assert plan_bytes(Store(out)) == undisturbed(src, tmp_path / "good")


@pytest.mark.parametrize("damage", [b"no Parquet file", b""])
def test_a_damaged_entry_is_passed_over(src, tmp_path, broken, damage):
    broken.add("1.mp4")
    store = Store(str(tmp_path / "out"))
    with pytest.raises(PlanError, match="1 of 6"):
        plan_job(src, store.uri, {})
    for file in store.list(PROBED_FOLDER):
        store.write(file.path, damage)
    broken.clear()
    plan_job(src, store.uri, {})
    assert plan_bytes(store) == undisturbed(src, tmp_path / "good")
