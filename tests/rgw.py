"""A real S3 server for tests: Ceph's RADOS gateway, which checks every request's signature.

The smallest cluster there is, on the loopback interface and in one folder: a monitor, a disk that
is a sparse file, and the gateway. Debian and Ubuntu have it: `apt-get install radosgw ceph-mon
ceph-osd`. It starts in a quarter of a minute and takes about 150 MB of memory.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

PROGRAMS = (
    "ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin",
)  # fmt: skip
DISK_BYTES = 16 * 2**30  # a sparse file: it takes what is written
START_S = 120.0

_CONFIG = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_port}]
mon_data = {folder}/mon
mon_data_avail_crit = 1
mon_allow_pool_size_one = true
public_network = 127.0.0.0/8
keyring = {folder}/keyring
osd_data = {folder}/osd
osd_objectstore = bluestore
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_memory_target = 939524096
bluestore_block_size = {disk_bytes}
run_dir = {folder}/run
log_file = {folder}/run/$name.log
admin_socket = {folder}/run/$name.$pid.asok
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:{port}
"""
_CAPABILITIES = {
    "mon.": ("mon", "allow *"),
    "client.admin": ("mon", "allow *", "osd", "allow *"),
    "client.rgw": ("mon", "allow rw", "osd", "allow rwx"),
    "osd.0": ("mon", "allow profile osd", "osd", "allow *"),
}


def check_installed() -> None:
    """Raise a RuntimeError that says what is missing and how to get it, if anything is."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise RuntimeError(
            f"no {', '.join(missing)} on this machine: the real S3 server is Ceph's RADOS gateway. "
            "Install it (Debian, Ubuntu: apt-get install radosgw ceph-mon ceph-osd)"
        )


@contextlib.contextmanager
def running_rgw(folder: Path, access_key: str, secret_key: str) -> Iterator[tuple[str, int]]:
    """Host and port of a gateway with one user, until the block ends.

    Args:
        folder: Empty; all of the cluster is below it.
        access_key: Of the user.
        secret_key: Likewise.

    Raises:
        RuntimeError: It is not installed, or does not start.
    """
    check_installed()
    cluster = _Cluster(folder)
    try:
        yield cluster.start(access_key, secret_key)
    finally:
        cluster.stop()


class _Cluster:
    """The processes of one cluster."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        # The programs are scripts of the system's Python, some of them.
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self._environment["CEPH_CONF"] = str(folder / "ceph.conf")

    def start(self, access_key: str, secret_key: str) -> tuple[str, int]:
        fsid, disk = str(uuid.uuid4()), str(uuid.uuid4())
        mon_port, port = _free_port(), _free_port()
        for name in ("mon", "osd", "run"):
            (self._folder / name).mkdir()
        config = _CONFIG.format(
            fsid=fsid, folder=self._folder, mon_port=mon_port, port=port, disk_bytes=DISK_BYTES
        )
        (self._folder / "ceph.conf").write_text(config)
        keyring, monmap = str(self._folder / "keyring"), str(self._folder / "monmap")
        self._run("ceph-authtool", "--create-keyring", keyring)
        for name, capabilities in _CAPABILITIES.items():
            pairs = zip(capabilities[::2], capabilities[1::2], strict=True)
            caps = [word for pair in pairs for word in ("--cap", *pair)]
            self._run("ceph-authtool", keyring, "--gen-key", "-n", name, *caps)
        address = f"[v2:127.0.0.1:{mon_port}]"
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap)
        self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap, "--keyring", keyring)
        self._spawn("ceph-mon", "-i", "a", "-f")
        self._run("ceph", "osd", "new", disk)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        self._spawn("ceph-osd", "-i", "0", "-f")
        self._spawn("radosgw", "-n", "client.rgw", "-f")
        user = ("--uid", "tests", "--display-name", "tests")
        keys = ("--access-key", access_key, "--secret-key", secret_key)
        self._run("radosgw-admin", "-n", "client.rgw", "user", "create", *user, *keys)
        self._wait_for_answer(f"http://127.0.0.1:{port}")
        return "127.0.0.1", port

    def stop(self) -> None:
        """At once: nothing of it is kept."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def _run(self, *command: str) -> None:
        try:
            subprocess.run(
                command, env=self._environment, capture_output=True, timeout=START_S, check=True
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            said = (error.stderr or b"").decode(errors="replace").strip()
            raise RuntimeError(f"the S3 server does not start: {error}: {said}") from error

    def _spawn(self, *command: str) -> None:
        silent = subprocess.DEVNULL
        self._processes.append(
            subprocess.Popen(command, env=self._environment, stdout=silent, stderr=silent)
        )

    def _wait_for_answer(self, url: str) -> None:
        give_up_s = time.monotonic() + START_S
        while time.monotonic() < give_up_s:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(url).close()
                return
            time.sleep(0.1)
        raise RuntimeError(f"the S3 server does not answer; its logs: {self._logs()}")

    def _logs(self) -> Sequence[str]:
        return [path.read_text()[-1000:] for path in (self._folder / "run").glob("*.log")]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
