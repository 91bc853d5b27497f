"""The machine under a bench: what it is, and which versions run on it."""

import os
import platform
from collections.abc import Mapping
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
    """

    device: str
    cpu: str
    num_cores: int
    num_threads: int
    load_average: float | None
    versions: Mapping[str, str]


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
    )


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
