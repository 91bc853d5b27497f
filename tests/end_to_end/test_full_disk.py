"""A disk that fills up, for real: nothing half written, and with room again the job goes on."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import quiet_environment
from tests.synthetic import make_video

PROGRAM = """
import json, os, sys
from pathlib import Path
from tests.commands import h3r
from tests.conftest import start_ray

source, disk = sys.argv[1], Path(sys.argv[2])
out, ballast = disk / "out", disk / "ballast"
options = ("--preset", "tiny", "--max-clip-frames", 2, "--max-shard-frames", 2)
start_ray()
planned = h3r("plan", source, out, *options[2:])
free = os.statvfs(disk)
ballast.write_bytes(bytes((free.f_bavail - 2) * free.f_frsize))
full = h3r("annotate", source, out, *options)
left = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
ballast.unlink()
room = h3r("annotate", source, out, *options)
verify = h3r("verify", out)
print(json.dumps({
    "planned": planned.exit_code, "full": full.exit_code, "stderr": full.stderr, "left": left,
    "room": room.exit_code, "verify": verify.exit_code, "last": room.stdout + room.stderr,
}))
"""
MOUNT = 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"'


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[list[str], Path]]:
    """(what to put before a command, a folder on a small disk that the command then sees).

    A disk of its own in a user namespace, which needs no root; where the kernel forbids those, the
    smallest memory disk that is there.
    """
    disk = tmp_path / "disk"
    disk.mkdir()
    prefix = ["unshare", "-rm", "sh", "-c", MOUNT, str(disk)]
    if shutil.which("unshare") and subprocess.run([*prefix, "true"], check=False).returncode == 0:
        yield prefix, disk
        return
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    disks = [folder for folder, kind in mounts if kind == "tmpfs" and os.access(folder, os.W_OK)]
    smallest = min(disks, key=lambda folder: os.statvfs(folder).f_blocks)
    with tempfile.TemporaryDirectory(dir=smallest) as folder:
        yield [], Path(folder)


def test_a_full_disk_ends_the_job_and_room_lets_it_go_on(small_disk, tmp_path):
    prefix, disk = small_disk
    make_video(tmp_path / "walk.mp4", 4, width=128, height=64)
    command = [*prefix, sys.executable, "-c", PROGRAM, str(tmp_path / "walk.mp4"), str(disk)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=quiet_environment()
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["planned"], said["full"]) == (0, 1)
    message = said["stderr"].split("h3r: ", 1)[1]
    assert message.startswith(f"{disk}/out: 3 of 3 clips are not accounted for; what is committed")
    assert f"\n  {disk}/out/" in message
    assert "no space left on the device. Free some space and run again" in message
    plan = ["plan/clips.parquet", "plan/labels.json", "plan/videos.parquet"]
    assert said["left"] == [*plan, "run.json"]
    assert (said["room"], said["verify"]) == (0, 0), said["last"]
