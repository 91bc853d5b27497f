"""Damaged videos through plan and decode: each ends with frames or a reason, in bounded time.

`python -m tests.mutants --count 5000` prints what became of them; a mutant that hangs, or takes its
process with it, or raises what is no error of ours, is a failure.
"""

import argparse
import multiprocessing
import random
import resource
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from human3r_model.errors import Human3RError
from human3r_model.preprocess import image_geometry
from pipeline.config import PlanConfig
from pipeline.errors import H3RError
from pipeline.frames import open_frames
from pipeline.plan import PlanReader, make_plan, write_plan
from pipeline.retries import Retries
from pipeline.source import list_source
from pipeline.storage import Store
from tests.pipeline.video_cases import CASES, VP9_OF_10_BITS
from tests.synthetic import make_video

NUM_FRAMES = 12
TIMEOUT_S = 30.0
LEAST_BYTES = 8  # that are worth damaging
MEMORY_KIB = 2**20  # beyond what the process has held so far: no mutant may need more
KINDS = (
    b"moov", b"trak", b"mdia", b"stts", b"stsz", b"stco", b"ctts", b"stsd", b"mdat", b"mvhd",
    b"tkhd", b"mdhd", b"elst", b"avcC", b"hvcC", b"strf", b"strh", b"idx1", b"movi",
)  # fmt: skip
"""Marks of headers, whose neighbourhood is worth damaging."""

Mutation = Callable[[bytearray, random.Random], bytes]


def flip_bits(data: bytearray, rng: random.Random) -> bytes:
    """Anywhere."""
    for _ in range(rng.choice([1, 4, 32])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def flip_header_bits(data: bytearray, rng: random.Random) -> bytes:
    """In the first or last kilobyte, where headers and indices are."""
    for _ in range(rng.choice([1, 4, 16])):
        place = rng.randrange(min(1024, len(data)))
        data[place if rng.random() < 0.5 else -1 - place] ^= 1 << rng.randrange(8)
    return bytes(data)


def damage_box(data: bytearray, rng: random.Random) -> bytes:
    """A number near a header's mark becomes an odd one: sizes, scales, counts, offsets."""
    marks = [kind for kind in KINDS if kind in data]
    if not marks:
        return flip_header_bits(data, rng)
    place = data.index(rng.choice(marks)) + rng.choice([-4, 4, 8, 12, 16, 20, 24, 28])
    place = min(max(place, 0), len(data) - 4)
    value = rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, rng.randrange(2**32)])
    struct.pack_into(">I", data, place, value)
    return bytes(data)


def cut(data: bytearray, rng: random.Random) -> bytes:
    """The file ends early."""
    return bytes(data[: rng.randrange(len(data))])


def drop_range(data: bytearray, rng: random.Random) -> bytes:
    """A part is missing."""
    start = rng.randrange(len(data))
    del data[start : start + rng.randrange(1, 1 + len(data) // 4)]
    return bytes(data)


def zero_range(data: bytearray, rng: random.Random) -> bytes:
    """A part is zeros, as of a hole in a download."""
    start = rng.randrange(len(data))
    stop = min(len(data), start + rng.randrange(1, 1 + len(data) // 4))
    data[start:stop] = bytes(stop - start)
    return bytes(data)


def swap_ranges(data: bytearray, rng: random.Random) -> bytes:
    """Two parts change places."""
    length = rng.randrange(1, 1 + len(data) // 4)
    a, b = sorted((rng.randrange(len(data) - length + 1), rng.randrange(len(data) - length + 1)))
    if b - a >= length:
        data[a : a + length], data[b : b + length] = data[b : b + length], data[a : a + length]
    return bytes(data)


def insert_garbage(data: bytearray, rng: random.Random) -> bytes:
    """Random bytes between the others."""
    place = rng.randrange(len(data))
    data[place:place] = rng.randbytes(rng.choice([1, 188, 4096]))
    return bytes(data)


def overwrite_garbage(data: bytearray, rng: random.Random) -> bytes:
    """Random bytes instead of others."""
    place = rng.randrange(len(data))
    garbage = rng.randbytes(min(rng.choice([4, 64, 2048]), len(data) - place))
    data[place : place + len(garbage)] = garbage
    return bytes(data)


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits, flip_header_bits, damage_box, cut, drop_range, zero_range, swap_ranges,
    insert_garbage, overwrite_garbage,
)  # fmt: skip


def make_originals(folder: Path) -> list[Path]:
    """A short video of every codec, container and oddity that the tests know."""
    paths = [VP9_OF_10_BITS]
    for index, (name, options) in enumerate(CASES.values()):
        path = folder / f"{index}{Path(name).suffix}"
        ticks = options.get("ticks")
        shorter = {"num_frames": NUM_FRAMES, "ticks": ticks and list(ticks)[:NUM_FRAMES]}
        if "num_frames" in options:
            shorter = {}
        make_video(path, **(options | shorter))
        paths.append(path)
    return paths


def mutant(originals: list[Path], seed: int, index: int) -> tuple[str, bytes]:
    """(suffix, bytes) of one mutant: an original with one to three mutations."""
    rng = random.Random(f"{seed} {index}")
    original = rng.choice(originals)
    data = original.read_bytes()
    for mutate in rng.choices(MUTATIONS, k=rng.choice([1, 1, 2, 3])):
        if len(data) >= LEAST_BYTES:
            data = mutate(bytearray(data), rng)
    return original.suffix, data


def process(path: Path, out: Path) -> str:
    """Plan and decode one file as a job does; what became of it."""
    store = Store(str(out))
    write_plan(store, make_plan(list_source(str(path)), PlanConfig(max_clip_frames=8)))
    num_frames, reasons = 0, set()
    for clip in PlanReader(store).read_shard(0):
        if clip.probe_error is not None:
            return f"failed: {clip.probe_error[0]}"
        try:
            geometry = image_geometry(clip.width, clip.height, 64)
            num_frames += sum(1 for _ in open_frames(clip, str(path.parent), geometry, Retries()))
        except (H3RError, Human3RError) as error:
            reasons.add(type(error).__name__)
    if reasons:
        return f"failed: {' '.join(sorted(reasons))}"
    return "decoded" if num_frames else "failed: no frame"


def _serve(connection: Connection, folder: Path) -> None:
    """A process that takes mutants until it is told to end."""
    while (task := connection.recv()) is not None:
        suffix, data = task
        path = folder / f"mutant{suffix}"
        path.write_bytes(data)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            outcome = process(path, folder / "out")
        except Exception as error:  # what a job would not expect
            outcome = f"raised: {type(error).__name__}: {error}"
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        if grown > MEMORY_KIB:
            outcome = f"raised: needed {grown} KiB of memory"
        connection.send(outcome)


def outcomes(originals: list[Path], count: int, seed: int, folder: Path) -> Iterator[str]:
    """What became of each mutant, in order; one that hangs or crashes costs its process."""
    context = multiprocessing.get_context("spawn")
    server = connection = None
    for index in range(count):
        if server is None or connection is None:
            connection, theirs = context.Pipe()
            server = context.Process(target=_serve, args=(theirs, folder), daemon=True)
            server.start()
            theirs.close()
        connection.send(mutant(originals, seed, index))
        try:
            outcome = connection.recv() if connection.poll(TIMEOUT_S) else "hung"
        except EOFError:
            server.join()
            outcome = f"crashed: exit code {server.exitcode}"
        yield outcome
        if outcome == "hung" or outcome.startswith("crashed"):
            server.kill()
            server = None
    if server is not None and connection is not None:
        connection.send(None)
        server.join()


def is_bad(outcome: str) -> bool:
    """Whether a mutant did what none may."""
    return outcome == "hung" or outcome.startswith(("crashed", "raised"))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="h3r-mutants-") as folder:
        originals = make_originals(Path(folder))
        for index, outcome in enumerate(
            outcomes(originals, arguments.count, arguments.seed, Path(folder))
        ):
            found[outcome] += 1
            if is_bad(outcome):
                print(f"mutant {index}: {outcome}", flush=True)
    for outcome, number in found.most_common():
        print(f"{number:6} {outcome}")
    sys.exit(any(map(is_bad, found)))


if __name__ == "__main__":
    main()
