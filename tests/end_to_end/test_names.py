"""Whatever a file is called, its labels bear that name, and nothing else heeds it."""

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.planning import plan_job
from pipeline.storage import Store
from pipeline.verify import verify
from tests.commands import files_of, h3r
from tests.fakes import fake_models
from tests.pipeline.small_job import annotate_small
from tests.synthetic import make_video

# On a disk and in a bucket alike.
NAMES = (
    "a b/ lead.mp4", "a b/trail .mp4", "tab\t.mp4", "return\r.mp4", "escape\x1b[2Jcleared\x07.mp4",
    "delete\x7f.mp4", "\u202egpj.right to left.mp4", "question?x=1.mp4", "#anchor.mp4",
    "percent%20%2F%00.mp4", "back\\slash.mp4", "quotes'\"`.mp4", "a+b&c=d;e,f.mp4", "$HOME~.mp4",
    "*?[x]{y}.mp4", "two::colons.mp4", "c:.mp4", "-rf.mp4", "é.mp4", "e\u0301.mp4", "跳舞 🕺.mp4",
    "x" * 251 + ".mp4",
)  # fmt: skip
ON_DISK = ("line\nfeed.mp4", "http:/host/x.mp4")
IN_BUCKET = ("k" * 300 + "/" + "m" * 400 + "/" + "n" * 200 + ".mp4", "./dot.mp4", "end./x.mp4")
ELSEWHERE = (
    "http://host/x.mp4", "s3://other/x.mp4", "two//slashes.mp4", "/first.mp4", "a?versionId=b.mp4"
)  # fmt: skip
"""Of objects in a bucket; as part of a uri they would be read as other places."""


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("names") / "a.mp4"
    make_video(path, 3)
    return path.read_bytes()


def annotate(source: Store, names, video, out: Path):
    """{name: ledger row} of a job over videos of these names."""
    for name in names:
        source.write(name, video)
    job = plan_job(source.uri, str(out), {})
    annotate_small(job, fake_models())
    assert verify(job.store).faults == ()
    return {row["uri"]: row for row in pq.read_table(out / "clips").to_pylist()}


def check_out(out: Path) -> None:
    """Names of files in OUT are ours: short, and of plain letters."""
    for name in files_of(out):
        assert name.isascii()
        assert name.isprintable()
        assert " " not in name
        assert len(name) < 100


def test_names_on_a_disk(tmp_path, video):
    names = (*NAMES, *ON_DISK)
    rows = annotate(Store(str(tmp_path / "src")), names, video, tmp_path / "out")
    assert {name: row["status"] for name, row in rows.items()} == dict.fromkeys(names, "done")
    check_out(tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "src"]


@pytest.mark.parametrize("kind", ["bucket", "s3"])
def test_names_in_a_bucket(kind, request, tmp_path, video):
    uri = request.getfixturevalue("s3_uri") if kind == "s3" else f"bucket://{tmp_path.name}"
    names = (*NAMES, *IN_BUCKET)
    rows = annotate(Store(f"{uri}/src"), names, video, tmp_path / "out")
    assert {name: row["status"] for name, row in rows.items()} == dict.fromkeys(names, "done")
    check_out(tmp_path / "out")


def test_names_that_read_as_another_place_are_refused(tmp_path, video):
    source = Store(f"bucket://{tmp_path.name}/src")
    rows = annotate(source, (*ELSEWHERE, "good.mp4"), video, tmp_path / "out")
    assert rows.pop("good.mp4")["status"] == "done"
    assert rows.keys() == set(ELSEWHERE)
    for name, row in rows.items():
        assert row["error_message"] == (
            f"{name}: its name would be read as another object's: it has // or ?versionId= in it. "
            "Rename it"
        )


def test_names_in_a_list_are_places(tmp_path, video):
    """Above the list, absolute, and with a scheme: whoever writes a list says where videos are."""
    elsewhere = f"bucket://{tmp_path.name}"
    Store(elsewhere).write("c.mp4", video)
    for place in ("a.mp4", "lists/b.mp4"):
        Store(str(tmp_path)).write(place, video)
    names = ["../a.mp4", f"{tmp_path}/lists/b.mp4", f"{elsewhere}/c.mp4", "../lists/../gone.mp4"]
    (tmp_path / "lists/list.txt").write_text("\n".join(names))
    job = plan_job(str(tmp_path / "lists/list.txt"), str(tmp_path / "out"), {})
    annotate_small(job, fake_models())
    rows = pq.read_table(tmp_path / "out" / "clips").to_pylist()
    assert [(row["uri"], row["status"]) for row in rows] == list(
        zip(names, ["done", "done", "done", "failed"], strict=True)
    )
    check_out(tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "lists", "out"]


def test_what_is_printed_of_names_leaves_a_terminal_alone(tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    (source / "escape\x1b[2J\nh3r: all done.mp4").write_text("no video")
    (source / "circle.mp4").symlink_to("circle.mp4")
    assert h3r("plan", source, tmp_path / "out").exit_code == 0
    job = plan_job(str(source), str(tmp_path / "out"), {})
    annotate_small(job, fake_models())
    shown = h3r("status", job.store.uri)
    (source / os.fsdecode(b"\xff.mp4")).write_text("no UTF-8")
    refused = h3r("plan", source, tmp_path / "other")
    assert refused.exit_code == 2
    assert "the name '\\udcff.mp4' is not valid UTF-8. Rename the file" in refused.stderr
    missing = h3r("plan", tmp_path / "gone\x1b[2J", tmp_path / "other")
    assert "gone\\x1b[2J: no such file or folder" in missing.stderr
    for text in (shown.stdout, refused.stderr, missing.stderr):
        assert all(line.isprintable() for line in text.split("\n"))
    assert "  escape\\x1b[2J\\nh3r: all done.mp4: probe ProbeError: it is no video" in shown.stdout
    assert "  circle.mp4: probe ProbeError: " in shown.stdout
    assert "it is a link that leads in a circle. Remove it" in shown.stdout
