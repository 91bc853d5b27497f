"""A video of several GB in an S3: what planning it reads of it, and what annotating one clip does.

`python -m tests.big_source` makes videos, puts them into a real server (tests/rgw.py) behind a
proxy that counts bytes, plans them, and annotates a clip in the middle of each with a network that
reads which frame it is shown. A frame that is another than was planned is a failure.
"""

import argparse
import os
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import fsspec
import numpy as np

from pipeline.ledger import read_ledger
from pipeline.plan import PlannedClip, PlanReader
from pipeline.planning import PlannedJob, plan_job
from pipeline.tables import read_table
from pipeline.worker import ShardWorker
from tests.fakes import fake_models
from tests.fault_proxy import FaultProxy, running_proxy
from tests.pipeline.small_job import settings_of
from tests.rgw import running_rgw
from tests.synthetic import draw_code

WIDTH, HEIGHT, FPS = 1280, 720, 30
NUM_PICTURES, GOP = 240, 24  # coded once, then copied over and over
NOISE = 8  # grey levels either way, which no codec can foretell: a frame takes over a MB
CLIP_FRAMES = 16
SUFFIXES = ("mov", "mkv")
KEYS = ("tests", "hush-key")
BUCKET = "big"


def make_pieces(path: Path) -> None:
    """`NUM_PICTURES` pictures that say which they are, under noise, lossless."""
    rng = np.random.default_rng(0)
    options = {"preset": "ultrafast", "qp": "0", "x264-params": "log-level=none"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv444p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = GOP, 0
        for index in range(NUM_PICTURES):
            noise = rng.integers(-NOISE, NOISE + 1, (HEIGHT, WIDTH, 3), np.int16)
            picture = (draw_code(WIDTH, HEIGHT, 1, index) + noise).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def copy_over_and_over(pieces: Path, path: Path, num_bytes: int) -> list[int]:
    """Fill `path` with the packets of `pieces` until it has `num_bytes`; their sizes."""
    with av.open(str(pieces)) as reader, av.open(str(path), "w") as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        packets = [(bytes(p), p.is_keyframe) for p in reader.demux(stream) if p.size]
        index = num_written = 0
        while num_written < num_bytes:
            for payload, is_key in packets:
                packet = av.Packet(payload)
                packet.pts = packet.dts = index
                packet.time_base, packet.duration = Fraction(1, FPS), 1
                packet.is_keyframe, packet.stream = is_key, copy
                writer.mux(packet)
                index += 1
                num_written += len(payload)
    return [len(payload) for payload, _ in packets]


def middle_clip(job: PlannedJob) -> PlannedClip:
    """The first clip of the second half whose pictures are in order."""
    plan = read_table(job.store, "plan/clips.parquet", columns=["shard_index"])
    reader = PlanReader(job.store)
    for shard in range(plan.num_rows // 2, plan.num_rows):
        (clip,) = reader.read_shard(shard)
        if clip.start_frame % NUM_PICTURES + CLIP_FRAMES <= NUM_PICTURES:
            return clip
    raise AssertionError("no such clip")


def measure(proxy: FaultProxy, name: str, folder: Path, packet_bytes: list[int]) -> None:
    """Print what of the object `name` is read, and check what was seen of it."""
    size = fsspec.filesystem("s3").size(f"{BUCKET}/{name}")
    before, began_s = proxy.num_bytes_sent, time.monotonic()
    bounds = {"max_clip_frames": CLIP_FRAMES, "max_shard_frames": CLIP_FRAMES}  # a clip a shard
    job = plan_job(f"s3://{BUCKET}/{name}", str(folder / f"{name}.out"), bounds)
    read, seconds = proxy.num_bytes_sent - before, time.monotonic() - began_s
    print(f"{name}: {size} bytes; planning read {read} ({read / size:.2%}) in {seconds:.0f} s")
    clip = middle_clip(job)
    before, began_s = proxy.num_bytes_sent, time.monotonic()
    models = fake_models()
    report = ShardWorker(settings_of(job, models), models).annotate(clip.shard_index)
    read, seconds = proxy.num_bytes_sent - before, time.monotonic() - began_s
    assert (report.error, report.num_frames) == ("", CLIP_FRAMES), report
    (row,) = read_ledger(job.store).to_pylist()
    frames = read_table(job.store, row["frames_file"])
    seen = [round(position[1]) for position in frames["camera_position"].to_pylist()]
    first = clip.start_frame % NUM_PICTURES
    assert seen == list(range(first, first + CLIP_FRAMES)), seen
    needed = sum(packet_bytes[first // GOP * GOP : first + CLIP_FRAMES])  # from the key frame on
    print(
        f"{name}: frames {clip.start_frame} to {clip.end_frame - 1} read {read} bytes "
        f"({read / size:.2%}) in {seconds:.1f} s; {needed} of them are needed"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=4.0, help="Size of each video.")
    arguments = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": KEYS[0], "AWS_SECRET_ACCESS_KEY": KEYS[1]}
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    with tempfile.TemporaryDirectory(prefix="h3r-big-") as name:
        folder = Path(name)
        (folder / "rgw").mkdir()
        make_pieces(folder / "pieces.mov")
        with running_rgw(folder / "rgw", *KEYS) as server, running_proxy(*server) as proxy:
            os.environ["AWS_ENDPOINT_URL"] = proxy.url
            direct = {"endpoint_url": f"http://{server[0]}:{server[1]}"}
            fsspec.filesystem("s3").mkdir(BUCKET)
            for suffix in SUFFIXES:
                path = folder / f"long.{suffix}"
                num_bytes = int(arguments.gib * 2**30)
                packet_bytes = copy_over_and_over(folder / "pieces.mov", path, num_bytes)
                fsspec.filesystem("s3", **direct).put_file(str(path), f"{BUCKET}/{path.name}")
                path.unlink()
                measure(proxy, path.name, folder, packet_bytes)


if __name__ == "__main__":
    main()
