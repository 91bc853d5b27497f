import pytest

from pipeline import layout


def test_paths_of_a_shard():
    assert layout.commit_path(7) == "clips/shard-000007.parquet"
    assert layout.rows_path("people", 7, "000-run-1") == "people/shard-000007.000-run-1.parquet"
    assert layout.depth_path(7, "000-run-1", "c1") == "depth/shard-000007.000-run-1/c1.mkv"
    assert layout.attempts_folder(7) == "attempts/shard-000007"
    assert layout.commit_path(1_234_567) == "clips/shard-1234567.parquet"


@pytest.mark.parametrize("shard", [0, 7, 999_999, 1_234_567])
def test_the_shard_of_a_path_is_the_way_back(shard):
    for path in (
        layout.commit_path(shard),
        layout.rows_path("frames", shard, "000-run-1"),
        layout.depth_path(shard, "000-run-1", "c1"),
        f"{layout.attempts_folder(shard)}/000-run-1.json",
    ):
        assert layout.shard_of(path) == shard


@pytest.mark.parametrize("path", ["run.json", "plan/clips.parquet", "clips/.tmp-0", "shard-1"])
def test_files_of_no_shard(path):
    assert layout.shard_of(path) is None
