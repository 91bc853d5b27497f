"""Write RGB frames as H.264 in MP4."""

import io
from fractions import Fraction

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray


class H264Encoder:
    """Writes RGB frames as an MP4 a camera could have made: H.264, yuv420p, BT.601, untagged.

    The same frames, times and quality give the same bytes (with the same version of libx264).
    """

    def __init__(
        self, width: int, height: int, mean_fps: Fraction, time_base: Fraction, crf: int
    ) -> None:
        """Open the encoder.

        Args:
            width: Pixels a row, even.
            height: Rows, even.
            mean_fps: Frames a second.
            time_base: Seconds a unit of the times that `add` is given.
            crf: libx264's constant rate factor: 0 is lossless, 51 is worst.
        """
        self._file = io.BytesIO()
        self._container = av.open(self._file, "w", format="mp4", options={"fflags": "+bitexact"})
        # Without mbtree: where a CPU has AVX-512, libx264 165 reads beyond the picture for it, and
        # narrow videos come out other than the time before.
        params = "log-level=none:mbtree=0"
        options = {"crf": str(crf), "preset": "veryfast", "x264-params": params}
        self._stream = self._container.add_stream("libx264", rate=mean_fps, options=options)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = time_base
        self._stream.codec_context.thread_count = 1  # threads belong to the workers
        self._time_base = time_base

    def add(self, rgb: NDArray[np.uint8], pts: int) -> None:
        """Compress one frame [H, W, 3], shown at `pts`, later than the frame before."""
        frame = VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts, frame.time_base = pts, self._time_base
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> bytes:
        """Return the MP4 file; call it once, after the last frame."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.getvalue()
