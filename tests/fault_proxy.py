"""A proxy of ours before an S3 server: passes requests on, fails some of them, counts bytes."""

import http.client
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fault = Literal["500", "503", "reset", "cut", "stall", "hang", "expired"]
"""What can go wrong with a request: an error of the server (nothing is done); the answer breaks off
with a reset, or ends early without one (all of it, where it has no body); nothing comes for a long
time; nothing comes any more half way through the body; the credentials are over.
"""

STALL_S = 30.0
_HOP_BY_HOP = ("connection", "transfer-encoding", "keep-alive")
_ERRORS = {
    "500": (500, "InternalError", "We encountered an internal error. Please try again."),
    "503": (503, "SlowDown", "Please reduce your request rate."),
    "expired": (400, "ExpiredToken", "The provided token has expired."),
}


class FaultProxy(ThreadingHTTPServer):
    """Listens on the loopback interface before one server.

    Attributes:
        draw_fault: Asked for every request (its method and path) which fault it has, if any.
        num_faults: Faults so far, by kind.
        num_requests: Requests so far, by method.
        num_bytes_sent: Body bytes given to clients.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        """Pass everything on to `host`:`port`."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.server = (host, port)
        self.draw_fault: Callable[[str, str], Fault | None] = lambda method, path: None
        self.num_faults: Counter[str] = Counter()
        self.num_requests: Counter[str] = Counter()
        self.num_bytes_sent = 0
        self.stall_s = STALL_S

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultProxy

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _pass_on(self) -> None:
        proxy = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = proxy.draw_fault(self.command, self.path)
        proxy.num_requests[self.command] += 1
        if fault is not None:
            proxy.num_faults[fault] += 1
        if fault == "stall":
            time.sleep(proxy.stall_s)
        if fault in _ERRORS:
            self._refuse(*_ERRORS[fault])
            return
        connection = http.client.HTTPConnection(*proxy.server)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if fault in ("cut", "reset") and not content:  # what is left to break is the rest of it
            self._break_off(fault)
            return
        self._answer(answer, content, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 - http.server's names

    def _refuse(self, status: int, code: str, message: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _answer(
        self, answer: http.client.HTTPResponse, content: bytes, fault: Fault | None
    ) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in (*_HOP_BY_HOP, "content-length"):
                self.send_header(name, value)
        # A HEAD's length is that of what a GET would send.
        stated = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(stated or 0))
        self.end_headers()
        if fault in ("cut", "reset"):
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self._break_off(fault)
            return
        if fault == "hang":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            time.sleep(self.server.stall_s)
            self._break_off(fault)
            return
        self.wfile.write(content)
        self.server.num_bytes_sent += len(content)

    def _break_off(self, fault: Fault) -> None:
        if fault == "reset":  # no lingering: the client sees a reset, not an end
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


def first_fails(fault: Fault, method: str, mark: str = "") -> Callable[[str, str], Fault | None]:
    """For `draw_fault`: of every path that holds `mark`, the first request by `method` fails."""
    seen = set()

    def draw(command: str, path: str) -> Fault | None:
        if command != method or mark not in path or path in seen:
            return None
        seen.add(path)
        return fault

    return draw


@contextmanager
def running_proxy(host: str, port: int) -> Iterator[FaultProxy]:
    """A proxy before `host`:`port`, until the block ends."""
    with FaultProxy(host, port) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
