"""Files that want more than to be decoded: to open others, or to have huge things allocated."""

import contextlib
import http.server
import resource
import struct
import threading

import av
import pytest

from pipeline.av_io.reader import MAX_PIXELS
from pipeline.errors import ProbeError
from pipeline.probe import probe_video
from pipeline.storage import open_media
from tests.synthetic import make_video

SUFFIXES = (".mp4", ".mkv", ".ts", ".m3u8")


@pytest.fixture
def canary_server(tmp_path):
    """(url of a good video on the loopback interface, paths that were asked for)."""
    make_video(tmp_path / "canary.mp4", 3)
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/canary.mp4", asked
        server.shutdown()


def texts(target):
    """Texts that some demuxer takes for a reason to open `target`."""
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
        "hls variants": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n",
        "ffconcat": f"ffconcat version 1.0\nfile '{target}'\n",
        "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        f"<Period><AdaptationSet><Representation id='0'><BaseURL>{target}</BaseURL>"
        "</Representation></AdaptationSet></Period></MPD>",
        "rtsp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"
        f"a=control:{target}\n",
        "redirect": f"RTSPtext\n{target}\n",
        "reference": f"[Reference]\nRef1={target}\n",
        "asx": f'<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
    }


@pytest.mark.parametrize("kind", texts(""))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_play_list_opens_nothing(canary_server, tmp_path, kind, suffix):
    url, asked = canary_server
    for target in (url, "canary.mp4", f"{tmp_path}/canary.mp4", f"file:{tmp_path}/canary.mp4"):
        path = tmp_path / f"list{suffix}"
        path.write_text(texts(target)[kind])
        with pytest.raises(ProbeError):
            probe_video(path, path.name)
        with path.open("rb") as file, pytest.raises(ProbeError):
            probe_video(file, path.name)
    assert asked == []


@pytest.mark.parametrize(
    "prefix",
    ["concat:", "data:video/mp4;base64,", "subfile,,start,0,end,0,,:", "crypto:", "cache:"],
)
def test_a_name_is_a_name_and_no_protocol(tmp_path, monkeypatch, prefix):
    """A file of that name is opened; what the protocol of that name would open is not."""
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "canary.mp4", 3)
    name = f"{prefix}canary.mp4".replace("/", "_")
    with pytest.raises(ProbeError, match="No such file"):
        probe_video(name, name)
    make_video(tmp_path / "two.mp4", 2)
    (tmp_path / "two.mp4").rename(tmp_path / name)
    with open_media(str(tmp_path / name)) as (media, _):
        assert probe_video(media, name).num_frames == 2


def boxes(*parts):
    """An ISO media box: its kind, then its content."""
    kind, *content = parts
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def movie_of_another_file(path, target):
    """A good movie whose frames are said to lie in `target` (an alias in its data reference)."""
    make_video(path, 3)
    data = path.read_bytes()
    url = boxes(b"url ", struct.pack(">I", 1))  # flag 1: in this very file
    start = data.index(url)
    other = boxes(b"url ", struct.pack(">I", 0), target.encode() + b"\0")
    grown = len(other) - len(url)
    data = bytearray(data[:start] + other + data[start + len(url) :])
    for kind in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        at = data.index(kind) - 4
        size = struct.unpack_from(">I", data, at)[0]
        struct.pack_into(">I", data, at, size + grown)
    path.write_bytes(data)


def test_a_movie_that_refers_to_another_file_opens_nothing(canary_server, tmp_path):
    url, asked = canary_server
    for target in (url, f"file://{tmp_path}/canary.mp4"):
        movie_of_another_file(tmp_path / "refers.mov", target)
        with contextlib.suppress(ProbeError):
            assert probe_video(tmp_path / "refers.mov", "refers.mov").num_frames == 3  # its own
    assert asked == []


@pytest.mark.parametrize("size", [(16384, 16384), (65535, 65535), (65535, 1100)])
def test_a_picture_too_large_is_refused_before_it_is_allocated(tmp_path, size):
    """A small AVI whose header claims it."""
    make_video(tmp_path / "large.avi", 2, codec="rawvideo", gop=1, max_b_frames=0)
    data = bytearray((tmp_path / "large.avi").read_bytes())
    at = data.index(b"strf") + 8  # BITMAPINFOHEADER: its size, width, height
    assert struct.unpack_from("<III", data, at)[1:] == (128, 96)
    struct.pack_into("<II", data, at + 4, *size)
    (tmp_path / "large.avi").write_bytes(data)
    assert size[0] * size[1] > MAX_PIXELS
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ProbeError, match=f"large.avi: .*{size[0]}x{size[1]}"):
        probe_video(tmp_path / "large.avi", "large.avi")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


@pytest.mark.parametrize(
    ("name", "fps", "ticks"),
    [("odd.mp4", 3_000, (0, 1, 2)), ("odd.mkv", 30, (0, 1, 30 * 86400 * 8))],
)
def test_times_that_cannot_be_are_refused(tmp_path, name, fps, ticks):
    make_video(tmp_path / name, 3, fps=fps, ticks=ticks)
    with pytest.raises(ProbeError, match="its times are not to be believed: 3 frames"):
        probe_video(tmp_path / name, name)


def test_more_streams_than_anybody_needs_are_refused(tmp_path):
    with av.open(str(tmp_path / "many.mkv"), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(120)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for stream in streams:
            container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
            container.mux(stream.encode(None))
    with pytest.raises(ProbeError, match=r"many\.mkv: it has 100 streams or more"):
        probe_video(tmp_path / "many.mkv", "many.mkv")
