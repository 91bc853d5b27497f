"""The machine under a bench: what it is, and which versions run on it."""

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline.machine import count_cores

LIBRARIES = ("h3r", "torch", "numpy", "pyarrow", "ray", "av")


@dataclass(frozen=True)
class Machine:
    """Where figures were measured.

    Attributes:
        device: What the network runs on: "cpu", or the GPU's name.
        cpu: The processor as the kernel calls it.
        num_cores: That this process may run on.
        num_threads: Of torch.
        load_average: Of the last minute, before the bench: others may be at work; None where the
            system does not say.
        versions: Of Python and the libraries that count.
        commit: Short hash of what was run, with a "+" where tracked files differ from it; None
            where the package lies in no git checkout.
    """

    device: str
    cpu: str
    num_cores: int
    num_threads: int
    load_average: float | None
    versions: Mapping[str, str]
    commit: str | None


def read_machine() -> Machine:
    """This machine, as it is now."""
    import torch  # here, since benches that need no network start faster without

    from pipeline.models import choose_device, device_name

    return Machine(
        device=device_name(choose_device("auto")),
        cpu=_cpu_name(),
        num_cores=count_cores(),
        num_threads=torch.get_num_threads(),
        load_average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        versions={
            "python": platform.python_version(),
            **{name: _version(name) for name in LIBRARIES},
        },
        commit=read_commit(Path(__file__)),
    )


def read_commit(file: Path) -> str | None:
    """The commit that git has checked out around a file: "1a2b3c4", or "1a2b3c4+".

    "+" says that tracked files differ from it. None where git does not follow this file (it was
    installed, perhaps within somebody else's checkout), or where there is no git.
    """
    git = ("git", "--no-optional-locks", "-C", str(file.parent))
    try:
        _run((*git, "ls-files", "--error-unmatch", "--", file.name))
        return _run((*git, "describe", "--always", "--dirty=+", "--exclude=*")) or None
    except (OSError, subprocess.CalledProcessError):
        return None


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # no bench but `scale` needs ray, none but those of videos av
        return "none"


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
