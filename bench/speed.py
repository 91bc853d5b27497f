"""What a report of `h3r bench pipeline` says of a worker's speed, and of which worker."""

import math
from pathlib import Path

from bench.pipeline import WHOLE_JOB, WRITTEN
from bench.report import read_report
from pipeline.errors import ConfigError
from pipeline.estimate import Speed

_WORKER = {
    "settings": {"preset": str, "precision": str, "compiled": bool},
    "machine": {"device": str, "cpu": str, "num_cores": int},
}


def read_speed(path: Path) -> Speed:
    """The speed of the worker that was measured.

    Args:
        path: A report that was written as JSON.

    Raises:
        ConfigError: The file is not there, is a report of another bench, or does not say which
            worker was measured.
    """
    report = read_report(path)
    medians = report.medians
    if not {WHOLE_JOB, WRITTEN} <= medians.keys():
        raise ConfigError(f"{path}: is of another bench. Give that of h3r bench pipeline")
    said = {"settings": report.settings, "machine": report.machine}
    unsaid = [
        f"{part}.{name}"
        for part, kinds in _WORKER.items()
        for name, kind in kinds.items()
        if not isinstance(said[part].get(name), kind)
    ]
    if unsaid:
        raise ConfigError(
            f"{path}: does not say which worker was measured ({', '.join(unsaid)} missing). "
            "Measure anew: h3r bench pipeline SRC --json FILE"
        )
    if not all(0 < medians[name] < math.inf for name in (WHOLE_JOB, WRITTEN)):
        raise ConfigError(
            f"{path}: {WHOLE_JOB} and {WRITTEN} have to be above 0. Measure anew: h3r bench "
            "pipeline SRC --json FILE"
        )
    settings, machine = report.settings, report.machine
    is_gpu = machine["device"] != "cpu"
    return Speed(
        frames_per_s=medians[WHOLE_JOB],
        bytes_per_frame=medians[WRITTEN],
        preset=settings["preset"],
        precision=settings["precision"],
        is_compiled=settings["compiled"],
        is_gpu=is_gpu,
        device=machine["device"] if is_gpu else machine["cpu"],
        num_cores=machine["num_cores"],
    )
