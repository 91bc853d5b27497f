"""From a path on disk to the sequences of a public ground truth, whichever dataset it is."""

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.loaders import bedlam, emdb, kitti, rgbd, rich, sintel, threedpw
from evaluation.loaders.errors import TruthError
from evaluation.loaders.fields import contents
from evaluation.loaders.sequence import IsWanted, TrueSequence
from pipeline.errors import ConfigError


@dataclass(frozen=True)
class Format:
    """How one dataset is read.

    Attributes:
        expected: What lies where, in words.
        find: From a path to what `read` takes, one a sequence or one of several; [] where the
            path holds nothing of the dataset.
        read: From one of those to its sequences, of which none is opened that is not wanted.
    """

    expected: str
    find: Callable[[Path], list[Path]]
    read: Callable[[Path, IsWanted], list[TrueSequence]]


FORMATS: dict[str, Format] = {
    "3dpw": Format(threedpw.EXPECTED, threedpw.find, threedpw.read),
    "emdb": Format(emdb.EXPECTED, emdb.find, emdb.read),
    "rich": Format(rich.EXPECTED, rich.find, rich.read),
    "bedlam": Format(bedlam.EXPECTED, bedlam.find, bedlam.read),
    "bonn": Format(f"rgbd_bonn_{rgbd.EXPECTED}", rgbd.find_bonn, rgbd.read),
    "tum": Format(rgbd.EXPECTED, rgbd.find_tum, rgbd.read),
    "sintel": Format(sintel.EXPECTED, sintel.find, sintel.read),
    "kitti": Format(kitti.EXPECTED, kitti.find, kitti.read),
}
"""What a path may turn out to be."""
BENCHMARKS: dict[str, Format] = {
    f"emdb{number}": Format(emdb.EXPECTED, emdb.find, emdb.of_benchmark(number))
    for number in (1, 2)
}
"""Parts of a dataset that have to be asked for by name."""


def load(
    path: str | Path,
    dataset: str | None = None,
    only: Sequence[str] = (),
    frames: slice = slice(None),
) -> list[TrueSequence]:
    """Read the sequences of a ground truth; depth stays on disk until it is asked for.

    Args:
        path: The dataset as downloaded, a part of it, or one sequence.
        dataset: A name of `FORMATS` or `BENCHMARKS`; None finds out.
        only: Glob patterns of the names of the sequences to read; none reads all.
        frames: Which frames of each to take, of those that have all that is true of a frame; with
            a step above 0.

    Raises:
        TruthError: Nothing of the dataset is there, it is not clear which dataset it is, or a file
            is damaged; names the file, what was expected and what was found.
        ConfigError: No sequence is named as one of `only` says, or one has none of `frames`.
    """
    path = Path(path).absolute()  # its parts say which dataset it is
    kind = _detect(path) if dataset is None else _named(path, dataset)
    found = kind.find(path)
    if not found:
        raise TruthError(path, f"no {dataset} there. Expected {kind.expected}; {contents(path)}")
    names: list[str] = []

    def is_wanted(name: str) -> bool:
        names.append(name)
        return not only or any(fnmatch.fnmatchcase(name, pattern) for pattern in only)

    sequences = [sequence for file in found for sequence in kind.read(file, is_wanted)]
    for pattern in only if names else ():
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            raise ConfigError(
                f"--only {pattern}: none of {len(names)} sequences is named so, such as {names[0]}"
            )
    if not sequences:
        raise TruthError(path, f"has {len(found)} sequences, none of them of {dataset}")
    for sequence in sequences:
        if (np.diff(sequence.times_s) <= 0).any():
            raise TruthError(path, f"the pictures of {sequence.name} are not in order of time")
        if not sequence.frame_names[frames]:
            raise ConfigError(
                f"--frames: takes none of the {len(sequence.frame_names)} pictures of "
                f"{sequence.name}; --only leaves sequences out"
            )
    return [sequence.take(frames) for sequence in sequences]


def _named(path: Path, dataset: str) -> Format:
    kinds = FORMATS | BENCHMARKS
    if dataset not in kinds:
        raise TruthError(path, f"no dataset {dataset!r} is known; one of {', '.join(kinds)}")
    return kinds[dataset]


def _detect(path: Path) -> Format:
    names = [name for name, kind in FORMATS.items() if kind.find(path)]
    if len(names) > 1:
        raise TruthError(path, f"could be any of {', '.join(names)}; say which, or give its folder")
    if not names:
        lines = "".join(f"\n  {name}: {kind.expected}" for name, kind in FORMATS.items())
        raise TruthError(
            path, f"not a ground truth that is known; {contents(path)}. Expected{lines}"
        )
    return FORMATS[names[0]]
