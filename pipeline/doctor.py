"""What this machine can run: one check a line, with what to do about each that is not well.

Looks only, but for a probe object that it writes to OUT and removes. Starts no cluster.
"""

import importlib
import importlib.metadata
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from human3r_model.errors import Human3RError
from pipeline.errors import StorageError
from pipeline.machine import Gpu, count_cores, read_free_memory, read_gpus
from pipeline.storage import Store
from pipeline.uris import split_uri

GIB = 2**30
MIN_FREE_MEMORY = 2 * GIB  # local Ray takes about 1 GB, one worker with the tiny preset as much
MIN_FREE_DISK = 5 * GIB  # Ray's logs and spilled objects, a copy of remote weights
DRIVER = Path("/dev/nvidiactl")

_LOCKED = "Install the locked versions: pip install -r requirements.lock"
_LICENCES = "docs/licences.md says where to get it and on what terms"


class Status(StrEnum):
    """How well a thing is."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True)
class Check:
    """One line of the doctor's answer.

    Attributes:
        name: What was looked at.
        status: `missing` means that `h3r annotate` with these arguments cannot run.
        detail: What was found.
        remedy: What to do about it; "" when it is well.
    """

    name: str
    status: Status
    detail: str
    remedy: str = ""


def examine(weights: str | None, body_model: str | None, out: str | None) -> tuple[Check, ...]:
    """Look at everything `h3r annotate` needs.

    Args:
        weights: Path or uri of the weights that will be used; None for random ones.
        body_model: Path or uri of the body model; None to do without.
        out: Folder or uri that labels will be written to; None to leave that out.
    """
    memory_bytes, bound = read_free_memory()
    checks = [
        check_python(),
        check_package("h3r", "Install the project: pip install ."),
        check_door("torch", "torch"),
        check_door("ray", "pipeline.ray_runner"),
        check_door("av", "pipeline.av_io"),
        check_cores(count_cores()),
        check_memory(memory_bytes, bound),
        check_disk(Path(tempfile.gettempdir())),
        check_body_model(body_model),
    ]
    if out is not None:
        checks.append(check_output(out))
    if can_annotate(checks[:3]):  # what follows needs torch
        from human3r_model.config import PRESETS
        from pipeline.config import WorkerConfig
        from pipeline.footprint import estimate_decoders, estimate_memory

        gpus = read_gpus()
        worker = WorkerConfig()
        beside = 0 if gpus else estimate_decoders(worker)  # in the memory that the network is in
        needs = {name: estimate_memory(size, worker) + beside for name, size in PRESETS.items()}
        checks += [
            check_gpus(gpus, has_driver=DRIVER.exists()),
            check_presets(needs, max((gpu.free_bytes for gpu in gpus), default=memory_bytes)),
            check_weights(weights),
        ]
    return tuple(checks)


def can_annotate(checks: Sequence[Check]) -> bool:
    """Whether nothing that is needed is missing."""
    return all(check.status != Status.MISSING for check in checks)


def check_python() -> Check:
    """The interpreter; the project's metadata says which ones it accepts."""
    return Check("python", Status.OK, f"{platform.python_version()} at {sys.executable}")


def check_package(distribution: str, remedy: str) -> Check:
    """Whether a distribution is installed, and which version."""
    try:
        version = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return Check(distribution, Status.MISSING, "not installed", remedy)
    return Check(distribution, Status.OK, version)


def check_door(distribution: str, module: str) -> Check:
    """Whether a library loads, through the one module that may import it.

    Args:
        distribution: Name of its distribution.
        module: The module to load; torch is its own door.
    """
    installed = check_package(distribution, _LOCKED)
    if installed.status is Status.MISSING:
        return installed
    try:
        importlib.import_module(module)
    except (ImportError, OSError) as error:  # OSError: a shared library is missing
        detail = f"{installed.detail} does not load: {error}"
        return Check(distribution, Status.MISSING, detail, _LOCKED)
    return installed


def check_cores(num_cores: int) -> Check:
    """CPU cores; one decodes for one network and no more."""
    if num_cores < 2:
        advice = "Decoding and the network will take turns: 2 cores or more a worker"
        return Check("cores", Status.WARNING, str(num_cores), advice)
    return Check("cores", Status.OK, str(num_cores))


def check_memory(free_bytes: int, bound: str) -> Check:
    """Memory that can still be taken, of the machine or below the container's limit."""
    detail = f"{_gib(free_bytes)} free in this {bound}"
    if free_bytes < MIN_FREE_MEMORY:
        advice = f"Give it {_gib(MIN_FREE_MEMORY)} or more: Ray and one tiny worker take as much"
        return Check("memory", Status.WARNING, detail, advice)
    return Check("memory", Status.OK, detail)


def check_disk(folder: Path) -> Check:
    """Room for temporary files."""
    free_bytes = shutil.disk_usage(folder).free
    detail = f"{_gib(free_bytes)} free in {folder}"
    if free_bytes < MIN_FREE_DISK:
        advice = f"Free {_gib(MIN_FREE_DISK)}, or point TMPDIR at a larger disk"
        return Check("disk", Status.WARNING, detail, advice)
    return Check("disk", Status.OK, detail)


def check_gpus(gpus: Sequence[Gpu], *, has_driver: bool) -> Check:
    """CUDA devices, and why there may be none.

    Args:
        gpus: What torch can use.
        has_driver: Whether NVIDIA's driver is there.
    """
    if gpus:
        lines = [
            f"{gpu.name}, {_gib(gpu.free_bytes)} of {_gib(gpu.total_bytes)} free" for gpu in gpus
        ]
        return Check("gpu", Status.OK, "; ".join(lines))
    if has_driver:
        advice = "Install torch's CUDA build, for this driver or an older one (infra/README.md)"
        return Check("gpu", Status.WARNING, "there is a driver, but torch sees no device", advice)
    advice = "The tiny preset runs on a CPU; the others want an NVIDIA GPU, or --address CLUSTER"
    return Check("gpu", Status.WARNING, "none: the network will run on the CPU", advice)


def check_presets(needs: Mapping[str, int], free_bytes: int) -> Check:
    """Which presets fit, by an estimate.

    Args:
        needs: Bytes a worker needs, by preset.
        free_bytes: Of the largest GPU, or of main memory without one.
    """
    fitting = [name for name, need in needs.items() if need <= free_bytes]
    wanting = [f"{name} needs {_gib(need)}" for name, need in needs.items() if need > free_bytes]
    detail = f"{', '.join(fitting) or 'none'} in {_gib(free_bytes)} (estimate, one worker)"
    if wanting:
        status = Status.WARNING if fitting else Status.MISSING
        return Check("presets", status, detail, f"More memory: {', '.join(wanting)}")
    return Check("presets", Status.OK, detail)


def check_weights(source: str | None) -> Check:
    """Whether the weights load as they will in `h3r annotate`."""
    if source is None:
        detail = "none given: --preset with random weights only, whose labels mean nothing"
        advice = f"Convert the published checkpoint (h3r convert-weights): {_LICENCES}"
        return Check("weights", Status.WARNING, detail, advice)
    advice = "h3r convert-weights makes the file from the published checkpoint"
    return _check_file("weights", source, _load_weights, advice)


def check_body_model(source: str | None) -> Check:
    """Whether the body model can be read."""
    if source is None:
        detail = "none given: joints, boxes and transl stay empty"
        return Check("body model", Status.WARNING, detail, f"Pass --body-model: {_LICENCES}")
    advice = "Give SMPL-X's neutral model as .npz, or the bundled free body"
    return _check_file("body model", source, _load_body, advice)


def check_output(out: str) -> Check:
    """Whether OUT takes, gives back and removes an object; a local folder is made if need be."""
    try:
        store = Store(out)
        store.check_access()
        is_conditional = store.has_conditional_writes()
    except StorageError as error:
        advice = "Choose another OUT, or mend its permissions or credentials"
        return Check("out", Status.MISSING, str(error), advice)
    detail = f"{out}: can be written, read and removed from"
    if not is_conditional:
        advice = "Run one job at a time on this OUT: of two at once, the later commit would stand"
        return Check("out", Status.WARNING, f"{detail}; ignores conditional writes", advice)
    return Check("out", Status.OK, detail)


def _check_file(name: str, source: str, load: Callable[[Path], str], advice: str) -> Check:
    """A local file is loaded; a remote one is only looked up, since a look is no time to fetch."""
    try:
        folder, leaf = split_uri(source)
        store = Store(folder)
        path = store.local_path(leaf)
        if path is not None:
            return Check(name, Status.OK, load(path))
        found = store.info(leaf)
    except (Human3RError, StorageError) as error:
        return Check(name, Status.MISSING, str(error), advice)
    if found is None:
        return Check(name, Status.MISSING, f"{source}: no such object", "Check uri and credentials")
    return Check(name, Status.OK, f"{source}: {_gib(found.size_bytes)}, checked when fetched")


def _load_weights(path: Path) -> str:
    from human3r_model.weights import load_model

    loaded = load_model(path)
    return f"{loaded.description}, sha256 {loaded.weights_sha256}"


def _load_body(path: Path) -> str:
    from human3r_model.body_file import read_body_file

    return f"{path.name}, sha256 {read_body_file(path).sha256}"


def _gib(num_bytes: int) -> str:
    return f"{num_bytes / GIB:.1f} GiB"
