import io
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import SourceError
from pipeline.source import SourceFile, list_source
from pipeline.storage import Store


def put(root_uri: str, *names: str) -> None:
    store = Store(root_uri)
    for name in names:
        store.write(name, name.encode())


def names_of(src: str, **options: object) -> list[str]:
    return [file.name for file in list_source(src, **options).files]


def test_a_folder_is_listed_at_any_depth_by_suffix_in_order(root_uri):
    put(root_uri, "b.mp4", "a/z.MOV", "a.mkv", "a/b/c.webm", "B.mp4", "notes.txt", "a/cover.png")
    source = list_source(root_uri)
    assert source.root == root_uri
    assert [file.name for file in source.files] == [
        "B.mp4",
        "a.mkv",
        "a/b/c.webm",
        "a/z.MOV",
        "b.mp4",
    ]
    assert source.files[0] == SourceFile("B.mp4", 5, Store(root_uri).info("B.mp4").version)
    assert list_source(root_uri) == source


def test_two_files_of_one_name_are_two(root_uri):
    put(root_uri, "one/clip.mp4", "two/clip.mp4")
    assert names_of(root_uri) == ["one/clip.mp4", "two/clip.mp4"]


def test_names_that_other_programs_stumble_over(root_uri):
    names = ["a b.mp4", "a#1.mp4", "a::b/c.mp4", "what?.mp4", "été/日本.mp4"]
    put(root_uri, *names)
    assert names_of(root_uri) == names


def test_hidden_files_and_folders_are_left_alone(root_uri):
    put(root_uri, "a.mp4", ".b.mp4", ".cache/c.mp4", "d/.e/f.mp4", "g.h/i.mp4")
    assert names_of(root_uri) == ["a.mp4", "g.h/i.mp4"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"include": ["*.mp4"]}, ["a.mp4", "x/b.mp4", "x/y/c.mp4"]),
        ({"include": ["x/*"]}, ["x/b.mp4", "x/d.bin", "x/y/c.mp4"]),
        ({"include": ["b.*", "*.bin"]}, ["x/b.mp4", "x/d.bin"]),
        ({"include": ["*.MP4"]}, None),
        ({"exclude": ["x/*"]}, ["a.mp4"]),
        ({"exclude": ["b.mp4", "a.mp4"]}, ["x/y/c.mp4"]),
        ({"include": ["x/*"], "exclude": ["*.bin"]}, ["x/b.mp4", "x/y/c.mp4"]),
        ({"limit": 2}, ["a.mp4", "x/b.mp4"]),
        ({"limit": 9}, ["a.mp4", "x/b.mp4", "x/y/c.mp4"]),
        ({"exclude": ["a.mp4"], "limit": 1}, ["x/b.mp4"]),
    ],
)
def test_include_exclude_limit(options, expected, root_uri):
    put(root_uri, "a.mp4", "x/b.mp4", "x/y/c.mp4", "x/d.bin")
    if expected is not None:
        assert names_of(root_uri, **options) == expected
        return
    with pytest.raises(SourceError, match="no video found that --include and --exclude leave"):
        names_of(root_uri, **options)


def test_one_file(root_uri):
    put(root_uri, "x/clip one.mp4", "x/other.mp4")
    source = list_source(f"{root_uri}/x/clip one.mp4")
    assert source.root == f"{root_uri}/x"
    assert [file.name for file in source.files] == ["clip one.mp4"]


def test_a_single_file_is_taken_whatever_its_suffix(root_uri):
    put(root_uri, "recording.bin")
    assert names_of(f"{root_uri}/recording.bin") == ["recording.bin"]


def test_out_below_src_is_left_out_before_the_limit_counts(root_uri):
    put(root_uri, "a_out/depth/shard-000000.0/x.mkv", "a_outtake.mp4", "b.mp4", "c.mp4")
    out = f"{root_uri}/a_out"
    assert names_of(root_uri, leave_out=out, limit=2) == ["a_outtake.mp4", "b.mp4"]
    with pytest.raises(SourceError, match="no video found outside of OUT"):
        names_of(root_uri, leave_out=root_uri)


def test_datasets_below_src_are_no_part_of_it(root_uri):
    put(root_uri, "a.mp4", "old/run.json", "old/plan/clips.parquet", "old/depth/b.mkv")
    put(root_uri, "older/c.mp4", "takes/run.json", "takes/d.mp4", "takes/e/plan/clips.parquet")
    assert names_of(root_uri) == ["a.mp4", "older/c.mp4", "takes/d.mp4"]


def test_missing_src(root_uri):
    with pytest.raises(SourceError, match=r"gone: no such file or folder. Check the path or uri"):
        list_source(f"{root_uri}/gone")


def test_empty_folder(tmp_path):
    with pytest.raises(SourceError, match=r"no video found. Files are taken by suffix \(\.3gp"):
        list_source(str(tmp_path))


def test_unknown_scheme():
    with pytest.raises(SourceError, match="nonsense://a: cannot be listed"):
        list_source("nonsense://a")


def test_a_name_that_is_not_utf_8_is_refused_unless_left_out(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.mp4")).write_bytes(b"x")
    (tmp_path / "a.mp4").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"'\\udcff.mp4' is not valid UTF-8. Rename the file"):
        list_source(str(tmp_path))
    assert names_of(str(tmp_path), exclude=["\udcff*"]) == ["a.mp4"]


def test_a_link_to_nothing_is_listed_so_that_it_can_fail(tmp_path):
    (tmp_path / "a.mp4").symlink_to(tmp_path / "gone")
    assert names_of(str(tmp_path)) == ["a.mp4"]


def test_links_out_of_the_folder_are_refused_unless_asked_for(tmp_path):
    src, elsewhere = tmp_path / "src", tmp_path / "elsewhere"
    for folder in (src / "a", elsewhere):
        folder.mkdir(parents=True)
        (folder / "x.mp4").write_bytes(b"x")
    (src / "inside.mp4").symlink_to(src / "a" / "x.mp4")
    (src / "outside.mp4").symlink_to("../elsewhere/x.mp4")
    (src / "folder").symlink_to(elsewhere)
    (src / "chain.mp4").symlink_to(src / "outside.mp4")
    (src / "gone.mp4").symlink_to(tmp_path / "gone")
    files = list_source(str(src)).files
    refused = {file.name for file in files if file.refusal}
    assert refused == {"outside.mp4", "folder/x.mp4", "chain.mp4", "gone.mp4"}
    assert {file.name for file in files} - refused == {"inside.mp4", "a/x.mp4"}
    assert not any(file.refusal for file in list_source(str(src), follow_links=True).files)
    (tmp_path / "alias").symlink_to(src)  # SRC itself may be a link
    assert {f.name for f in list_source(str(tmp_path / "alias")).files if f.refusal} == refused


def _parquet(**columns: list) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


LISTS = [
    ("list.txt", b"b.mp4\na/c.mp4\n"),
    ("list.txt", b"\xef\xbb\xbfb.mp4\r\n\r\n  # a comment\r\na/c.mp4\r\nb.mp4"),
    ("list.csv", b"uri\nb.mp4\na/c.mp4\n"),
    ("list.csv", b"\xef\xbb\xbflabel,path\r\nwalk,b.mp4\r\nrun,a/c.mp4\r\n"),
    ("list.csv", b"video,label\nb.mp4,\n\na/c.mp4\n\n"),
    ("list.csv", b'file\n"b.mp4"\n"a/c.mp4"\n'),
    ("list.csv", b"url\nb.mp4\na/c.mp4\n"),
    ("list.csv", b"url,uri\nwrong.mp4,b.mp4\nwrong.mp4,a/c.mp4\n"),
    ("LIST.PARQUET", _parquet(path=["b.mp4", "a/c.mp4"], label=[1, 2])),
]


@pytest.mark.parametrize(("name", "data"), LISTS)
def test_a_list_names_files_from_its_own_folder_in_its_order(name, data, root_uri):
    put(root_uri, "a/c.mp4", "b.mp4", "other.mp4")
    Store(root_uri).write(name, data)
    source = list_source(f"{root_uri}/{name}")
    assert source.root == root_uri
    assert [(file.name, file.size_bytes) for file in source.files] == [("b.mp4", 5), ("a/c.mp4", 7)]
    assert source.files[0].version == Store(root_uri).info("b.mp4").version


def test_a_list_may_name_files_anywhere_and_of_any_suffix(root_uri, tmp_path):
    put(root_uri, "a.bin")
    (tmp_path / "list.txt").write_text(f"{root_uri}/a.bin\n../list.txt\n")
    source = list_source(f"{tmp_path}/list.txt")
    assert [file.name for file in source.files] == [f"{root_uri}/a.bin", "../list.txt"]
    assert source.files[0].size_bytes == 5


def test_a_file_that_a_list_spells_in_several_ways_is_one(root_uri):
    put(root_uri, "a/b.mp4", "c.mp4")
    names = ["./a/b.mp4", "c.mp4", "a/b.mp4", f"{root_uri}/c.mp4", "a/b.mp4", "a//b.mp4"]
    Store(root_uri).write("list.txt", "\n".join(names).encode())
    others = ["a/b.mp4", "a//b.mp4"] if "://" in root_uri else []  # keys of a bucket are anything
    assert names_of(f"{root_uri}/list.txt") == ["./a/b.mp4", "c.mp4", *others]


def test_a_list_may_name_what_is_not_there(root_uri):
    put(root_uri, "a.mp4", "folder/b.mp4")
    Store(root_uri).write("list.txt", b"gone.mp4\na.mp4\nfolder\na.mp4/b.mp4\n")
    files = list_source(f"{root_uri}/list.txt").files
    assert files[0] == SourceFile("gone.mp4", None, "")
    assert [file.size_bytes for file in files] == [None, 5, None, None]


def test_a_long_list_is_quick_and_in_order(root_uri):
    put(root_uri, "a.mp4")
    wanted = [f"{i:04d}.mp4" for i in reversed(range(1000))]
    Store(root_uri).write("list.txt", "\n".join(wanted).encode())
    assert names_of(f"{root_uri}/list.txt") == wanted


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("list.txt", b"", "the list names no file"),
        ("list.txt", b"# only a comment\n", "the list names no file"),
        ("list.txt", "a.mp4\n".encode("utf-16"), "not a list of videos: 'utf-8' codec"),
        ("list.txt", "a.mp4\n".encode("utf-16-le"), "not a list of videos: it is no text in UTF-8"),
        ("list.csv", b"name\na.mp4\n", "no column of videos; name it one of uri, path, video"),
        ("list.csv", b"", "no column of videos"),
        ("list.csv", b'uri\n"a\0.mp4"\n', "not a list of videos"),
        ("list.parquet", b"uri\na.mp4\n", "not a list of videos: .*Parquet"),
        ("list.parquet", _parquet(name=["a.mp4"]), "no column of videos"),
        (
            "list.parquet",
            _parquet(uri=["a.mp4", None]),
            "not a list of videos: row 2 names",
        ),
        (
            "list.csv",
            b"uri,n\na.mp4,1\nb.mp4,2\n ,3\n",
            "not a list of videos: row 3 names",
        ),
        ("list.csv", b"n,uri\n1\n", "not a list of videos: row 1 names"),
    ],
)
def test_what_is_no_list(name, data, reason, root_uri):
    Store(root_uri).write(name, data)
    with pytest.raises(SourceError, match=f"{name}: {reason}"):
        list_source(f"{root_uri}/{name}")
