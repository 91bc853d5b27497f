"""Measures ways to store 16-bit depth codes; docs/depth.md holds the table and the choice.

    OMP_NUM_THREADS=1 python docs/studies/depth_codecs.py [--video FILE] [--frames N]

Scenes: a ray-cast room with noise on its depth, and with `--video` the depth that the tiny preset
(random weights) answers for the video's first frames. Every way is lossless, which is checked.
KB are 1000 bytes a frame; milliseconds are the median frame's, of one thread's CPU time.
"""

import argparse
import io
import itertools
import statistics
import time
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple, cast

import av
import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from PIL import Image

from human3r_model.preprocess import image_geometry, prepare_image
from human3r_model.random_weights import random_model
from pipeline.av_io.reader import RgbConverter, VideoReader
from pipeline.depth import DepthWriter, quantise_depth, read_depth_frame

WIDTH, HEIGHT = 512, 288
Codes = NDArray[np.uint16]


class Way(NamedTuple):
    """How one frame's codes become bytes, and back."""

    name: str
    encode: Callable[[Codes], bytes]
    decode: Callable[[bytes], Codes]


def room(num_frames: int, noise: float, *, is_smooth: bool = False) -> list[NDArray[np.float32]]:
    """Depth [H, W] of a floor, a wall and two balls in front of a camera that walks ahead.

    `noise` is the relative standard deviation; smooth noise is made at half size and interpolated,
    as a network's last layers do.
    """
    random = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(WIDTH) - WIDTH / 2, np.arange(HEIGHT) - HEIGHT / 2)
    ray_x, ray_y = x / 420, y / 420  # of a ray whose z is 1, focal length 420 px
    frames = []
    for i in range(num_frames):
        wall = np.full(x.shape, 6 - 0.02 * i)
        floor = 1.6 / np.maximum(ray_y, 1e-6)
        depth = np.minimum(wall, floor)
        for ball_x, ball_z, radius in ((-0.7, 3.5, 0.6), (0.9, 4.4, 0.9)):
            a = 1 + ray_x**2 + ray_y**2
            b = ball_x * ray_x + 0.4 * ray_y + (ball_z - 0.02 * i)
            c = ball_x**2 + 0.4**2 + (ball_z - 0.02 * i) ** 2 - radius**2
            root = b**2 - a * c
            depth = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, depth)
        if is_smooth:
            half = random.standard_normal((HEIGHT // 2, WIDTH // 2)).astype(np.float32)
            bell = np.asarray(
                Image.fromarray(half).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
            )
        else:
            bell = random.standard_normal(x.shape)
        frames.append((depth * np.exp(noise * bell)).astype(np.float32))
    return frames


def model_depth(video: str, num_frames: int) -> list[NDArray[np.float32]]:
    """Depth [H, W] the untrained tiny preset answers for a video's first frames."""
    loaded = random_model("tiny", seed=0)
    frames = []
    state = loaded.model.initial_state(1)
    with VideoReader(video, is_threaded=False) as reader:
        converter = RgbConverter()
        decoded = (frame for packet in reader.packets() for frame in reader.decode(packet))
        for frame in itertools.islice(decoded, num_frames):
            rgb = converter.convert(frame)
            picture = prepare_image(rgb, image_geometry(rgb.shape[1], rgb.shape[0]))
            features = loaded.model.encode(torch.from_numpy(picture)[None])
            prediction, state = loaded.model.step(features, state)
            assert prediction.pointmap is not None  # asked for by default
            frames.append(prediction.pointmap[0, ..., 2].numpy())
    return frames


def frame_codec(label: str, name: str, options: dict[str, str], width: int, height: int) -> Way:
    """A codec of libav whose every frame stands alone."""
    size = {"width": width, "height": height, "pix_fmt": "gray16le", "thread_count": 1}
    encoder = cast(av.VideoCodecContext, av.CodecContext.create(name, "w"))
    for key, value in {**size, "time_base": Fraction(1, 1000), "options": options}.items():
        setattr(encoder, key, value)

    def encode(codes: Codes) -> bytes:
        frame = av.VideoFrame.from_ndarray(codes, format="gray16le")
        (packet,) = encoder.encode(frame)
        return bytes(packet)

    def decode(data: bytes) -> Codes:
        decoder = cast(av.VideoCodecContext, av.CodecContext.create(name, "r"))
        for key, value in {**size, "extradata": encoder.extradata}.items():
            setattr(decoder, key, value)
        (frame,) = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
        return frame.to_ndarray().astype(np.uint16, copy=False)

    return Way(label, encode, decode)


def encode_png(codes: Codes) -> bytes:
    """16-bit PNG as Pillow writes it."""
    file = io.BytesIO()
    Image.fromarray(codes).save(file, "PNG")
    return file.getvalue()


def decode_png(data: bytes) -> Codes:
    """The other way."""
    return np.asarray(Image.open(io.BytesIO(data))).astype(np.uint16)


def zstd(level: int, width: int, height: int, *, is_split: bool) -> Way:
    """Zstandard over the raw codes, as in a Parquet cell; split: low bytes, then high bytes."""
    codec = pa.Codec("zstd", level)
    num_bytes = 2 * width * height

    def encode(codes: Codes) -> bytes:
        raw = codes.view(np.uint8).reshape(-1, 2)
        return codec.compress(raw.T.tobytes() if is_split else raw.tobytes(), asbytes=True)

    def decode(data: bytes) -> Codes:
        raw = np.frombuffer(codec.decompress(data, num_bytes, asbytes=True), np.uint8)
        pairs = raw.reshape(2, -1).T if is_split else raw
        return np.ascontiguousarray(pairs).view(np.uint16).reshape(height, width)

    return Way(f"zstd {level}, {'bytes split' if is_split else 'raw'}", encode, decode)


def ways(width: int, height: int) -> list[Way]:
    """What is compared."""
    ffv1 = {"level": "3", "slicecrc": "1", "g": "1"}
    return [
        frame_codec("FFV1, 4 slices", "ffv1", {**ffv1, "slices": "4"}, width, height),
        frame_codec("FFV1, 16 slices", "ffv1", {**ffv1, "slices": "16"}, width, height),
        frame_codec("JPEG-LS", "jpegls", {}, width, height),
        Way("PNG16 (Pillow)", encode_png, decode_png),
        zstd(3, width, height, is_split=False),
        zstd(3, width, height, is_split=True),
    ]


def measure(way: Way, frames: list[Codes]) -> tuple[float, float, float]:
    """KB a frame, milliseconds to encode, milliseconds to decode."""
    sizes, encode_ms, decode_ms = [], [], []
    for codes in frames:
        start = time.thread_time()
        data = way.encode(codes)
        middle = time.thread_time()
        decoded = way.decode(data)
        end = time.thread_time()
        assert np.array_equal(decoded, codes), way.name
        sizes.append(len(data) / 1000)
        encode_ms.append(1000 * (middle - start))
        decode_ms.append(1000 * (end - middle))
    return statistics.mean(sizes), statistics.median(encode_ms), statistics.median(decode_ms)


def product_path(frames: list[NDArray[np.float32]]) -> str:
    """Time of the two public functions, quantising included, and the container's overhead."""
    height, width = frames[0].shape
    writer = DepthWriter(width, height)
    start = time.thread_time()
    for i, depth_m in enumerate(frames):
        writer.add(depth_m, i / 30)
    depth = writer.finish()
    write_ms = 1000 * (time.thread_time() - start) / len(frames)
    start = time.thread_time()
    for offset, length in depth.frame_spans:
        read_depth_frame(depth.data[offset : offset + length], depth.codec_header, width, height)
    read_ms = 1000 * (time.thread_time() - start) / len(frames)
    overhead = len(depth.data) - sum(length for _, length in depth.frame_spans)
    return (
        f"DepthWriter {write_ms:.1f} ms a frame, read_depth_frame {read_ms:.1f} ms, "
        f"{len(depth.codec_header)} B of codec header, {overhead} B of container"
    )


def print_line(name: str, measured: tuple[float, float, float]) -> None:
    """One way's figures."""
    kilobytes, encode_ms, decode_ms = measured
    print(f"  {name:22} {kilobytes:7.1f} KB  {encode_ms:6.1f} ms  {decode_ms:6.1f} ms")


def main() -> None:
    """Print one table a scene."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--video", help="also measure the tiny preset's depth of this video")
    parser.add_argument("--frames", type=int, default=20)
    arguments = parser.parse_args()
    scenes = {
        "room, no noise": room(arguments.frames, 0),
        "room, white noise 1e-3": room(arguments.frames, 1e-3),
        "room, white noise 1e-2": room(arguments.frames, 1e-2),
        "room, smooth noise 1e-2": room(arguments.frames, 1e-2, is_smooth=True),
    }
    if arguments.video:
        scenes["tiny preset, untrained"] = model_depth(arguments.video, arguments.frames)
    for scene, frames in scenes.items():
        height, width = frames[0].shape
        print(f"\n{scene}: {len(frames)} frames of {width}x{height}; {product_path(frames)}")
        codes = [quantise_depth(depth_m) for depth_m in frames]
        candidates = ways(width, height)
        for way in candidates:
            print_line(way.name, measure(way, codes))
        print_line("FFV1, half precision", measure(candidates[0], [c // 2 for c in codes]))
        halves = [depth_m.astype(np.float16).view(np.uint16) for depth_m in frames]
        print_line("FFV1 of float16's bits", measure(candidates[0], halves))


if __name__ == "__main__":
    main()
