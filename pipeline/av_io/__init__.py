"""The one door to libav (PyAV): read videos, write H.264, write and read grey FFV1.

Primitives only: which frames exist is `probe`'s business, which are wanted is `decode`'s. Nothing
here prints; what libav has to say travels in `MediaError` and `captured_messages`.
"""

import logging

import av.logging

# libav's errors go to this logger, and no further: its words come back in our own errors. The
# level stays as it is set here, since changing it while another thread decodes prints to stderr.
logging.getLogger("libav").propagate = False
logging.getLogger("libav").addHandler(logging.NullHandler())
av.logging.set_skip_repeated(False)
av.logging.set_level(av.logging.ERROR)
