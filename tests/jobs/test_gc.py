import shutil

from tests.commands import files_of, h3r


def test_only_what_no_commit_names_is_removed(small_out, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(small_out, out)
    before = files_of(out)
    stray = out / "people" / "shard-000000.007-run9-deadbeef.parquet"
    stray.write_bytes(b"of an attempt that died")

    dry = h3r("gc", out, "--dry-run")
    assert dry.stdout == f"people/{stray.name}\n1 files, 23 bytes would be removed\n"
    assert stray.exists()

    answer = h3r("gc", out, "--json")
    assert answer.json == {
        "out": str(out),
        "dry_run": False,
        "files": [f"people/{stray.name}"],
        "num_bytes": 23,
    }
    assert files_of(out) == before
