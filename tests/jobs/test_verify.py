import shutil

from tests.commands import h3r
from tests.pipeline.small_job import plan_small


def test_a_sound_dataset(small_out):
    answer = h3r("verify", small_out)
    assert answer.exit_code == 0
    assert answer.stdout.startswith(f"{small_out}: 3 shards, 7 clips, ")
    assert answer.stdout.endswith(" checked: no faults\n")


def test_faults_are_named_and_exit_with_5(small_out, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(small_out, out)
    file = next((out / "people").iterdir())
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    answer = h3r("verify", out)
    assert answer.exit_code == 5
    assert answer.stdout.startswith(f"hash: people/{file.name}: ")
    assert answer.stdout.endswith(" checked: 1 faults\n")
    (fault,) = h3r("verify", out, "--json").json["faults"]
    assert (fault["check"], fault["subject"]) == ("hash", f"people/{file.name}")


def test_a_job_under_way_does_not_close_its_accounts(small_source, tmp_path):
    plan_small(small_source, tmp_path / "out")
    answer = h3r("verify", tmp_path / "out")
    assert answer.exit_code == 5
    assert "7 of 7 planned clips are not accounted for" in answer.stdout
