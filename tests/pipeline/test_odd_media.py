"""Videos that no one option of an encoder makes: the frames a player shows, and no others."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.av_io.reader import MAX_PIXELS, RgbConverter
from pipeline.decode import DecodedFrame, decode_frames
from pipeline.errors import ProbeError
from pipeline.probe import VideoInfo, probe_video
from tests.pipeline.video_cases import VP9_OF_10_BITS
from tests.synthetic import draw_code, make_video, read_code

FRAME = 512  # units of the media's clock, 15360 a second
MOVIE_FRAME = 1000 / 30  # of the movie's clock, 1000 a second


def decoded(path: Path) -> tuple[VideoInfo, list[tuple[int, int]]]:
    """What `probe` says, and the code of every frame; from the start, and each frame alone."""
    info = probe_video(path, path.name)

    def codes(pts):
        frames = decode_frames(path, "a", pts, width=info.width, height=info.height)
        return [read_code(frame.rgb) for frame in frames if isinstance(frame, DecodedFrame)]

    found = codes(info.frame_pts)
    assert [codes([pts]) for pts in info.frame_pts] == [[code] for code in found]
    return info, found


def set_edits(path: Path, edits: list[tuple[int, int | None]]) -> None:
    """Give an MP4 without B-frames an edit list: (frames, first frame; None for a pause)."""
    data = path.read_bytes()
    start = data.index(b"elst") - 4
    size = struct.unpack_from(">I", data, start)[0]
    entries = b"".join(
        struct.pack(
            ">IiI", round(length * MOVIE_FRAME), -1 if first is None else first * FRAME, 1 << 16
        )
        for length, first in edits
    )
    box = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
    grown = bytearray(data[:start] + box + data[start + size :])
    for kind in (b"edts", b"trak", b"moov"):
        place = grown.index(kind) - 4
        before = struct.unpack_from(">I", grown, place)[0]
        struct.pack_into(">I", grown, place, before + len(box) - size)
    path.write_bytes(grown)


@pytest.mark.parametrize(
    ("edits", "shown", "start"),
    [
        ([(30, 10)], range(10, 40), 0),
        ([(15, 5), (15, 41)], [*range(5, 20), *range(41, 56)], 0),
        ([(12, 30), (12, 0)], [*range(30, 42), *range(12)], 0),
        ([(12, 24), (12, 24)], [*range(24, 36), *range(24, 36)], 0),
        ([(30, None), (60, 0)], range(60), 30),
    ],
    ids=["one part", "a gap", "turned round", "twice", "a pause first"],
)
def test_edit_lists_are_followed(tmp_path, edits, shown, start):
    path = tmp_path / "a.mp4"
    make_video(path, 60, max_b_frames=0)
    set_edits(path, edits)
    info, codes = decoded(path)
    assert [index for _, index in codes] == list(shown)
    assert info.frame_pts.tolist() == [FRAME * (start + i) for i in range(len(shown))]


def _with_two_tracks(path: Path, default: int) -> None:
    """Track 0 is small, track 1 large; each picture says its track and index."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=30) for _ in range(2)]
        for track, stream in enumerate(streams):
            stream.width, stream.height, stream.pix_fmt = 128 << track, 96 << track, "yuv420p"
            stream.codec_context.max_b_frames = 0
            is_default = av.stream.Disposition.default
            stream.disposition = is_default if default in (track, -1) else 0
        for i in range(8):
            for track, stream in enumerate(streams):
                picture = draw_code(128 << track, 96 << track, track, i)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = i, Fraction(1, 30)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))


@pytest.mark.parametrize(("default", "taken"), [(0, 0), (1, 1), (-1, 1)])
@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
def test_the_default_track_is_taken_and_of_several_the_largest(tmp_path, suffix, default, taken):
    path = tmp_path / f"two{suffix}"
    _with_two_tracks(path, default)
    info, codes = decoded(path)
    assert (info.width, info.height) == (128 << taken, 96 << taken)
    assert codes == [(taken, i) for i in range(8)]


def test_vp9_of_10_bits():
    """Profile 2, which our libvpx cannot write: 24 of our pictures, by ffmpeg's.

    `ffmpeg -f rawvideo -pix_fmt rgb24 -s 128x96 -r 30 -i - -c:v libvpx-vp9 -pix_fmt yuv420p10le
    -profile:v 2 -g 12 -auto-alt-ref 1 -lag-in-frames 12 -crf 40 -b:v 0`
    """
    info, codes = decoded(VP9_OF_10_BITS)
    assert (info.codec, info.pixel_format) == ("vp9", "yuv420p10le")
    assert codes == [(1, i) for i in range(24)]


@pytest.mark.parametrize(
    ("ratio", "size"),
    [(Fraction(4, 3), (171, 96)), (Fraction(16, 15), (137, 96)), (Fraction(1, 2), (64, 96))],
)
def test_oblong_pixels_are_made_square(tmp_path, ratio, size):
    path = tmp_path / "a.mp4"
    make_video(path, 4, sample_aspect_ratio=ratio)
    info, codes = decoded(path)
    assert (info.width, info.height) == size
    assert info.sample_aspect_ratio == ratio
    assert codes == [(1, i) for i in range(4)]


def test_the_middle_of_a_picture_of_oblong_pixels_stays_its_middle():
    """An edge in the middle of the stored picture is in the middle of the displayed one."""
    stored = np.zeros((4, 64, 3), np.uint8)
    stored[:, 32:] = 255
    frame = av.VideoFrame.from_ndarray(stored, format="rgb24")
    row = RgbConverter().convert(frame, Fraction(3, 2))[2, :, 0].astype(float)
    assert len(row) == 96
    assert np.interp(127.5, row[40:56], np.arange(40, 56)) == pytest.approx(47.5, abs=0.1)


def test_pixels_so_oblong_that_the_picture_is_huge_are_refused(tmp_path):
    path = tmp_path / "a.mkv"
    make_video(path, 2, width=640, height=480, codec="mpeg4", sample_aspect_ratio=Fraction(255, 1))
    assert MAX_PIXELS < 255 * 640 * 480
    with pytest.raises(ProbeError, match="163200x480 pixels"):
        probe_video(path, "a")


def test_what_is_transparent_keeps_its_colour():
    picture = draw_code(128, 96, 1, 5)
    clear = np.dstack([picture, np.zeros((96, 128), np.uint8)])
    frame = av.VideoFrame.from_ndarray(clear, format="rgba")
    assert np.array_equal(RgbConverter().convert(frame), picture)
