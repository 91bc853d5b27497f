"""Descriptor 2 is the process's own, so it is tried in processes of their own."""

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, os, sys
from pipeline.native_stderr import dropped_lines
say = lambda text: os.write(2, text)
{body}
"""


def stderr_of(body: str) -> str:
    program = PROGRAM.format(body=body)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    return done.stderr.decode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "with dropped_lines('noise'): say(b'an error\\nsome noise here\\nanother\\n')",
            "an error\nanother\n",
        ),
        ("with dropped_lines('noise'): say(b'no '); say(b'end of line')", "no end of line"),
        ("with dropped_lines('noise'): sys.stderr.write('from Python\\n')", "from Python\n"),
        ("with dropped_lines('noise'): pass\nsay(b'noise after\\n')", "noise after\n"),
        ("with dropped_lines('noise'): say(b'x' * 200_000 + b'\\n')", "x" * 200_000 + "\n"),
        (
            "with dropped_lines('noise'):\n    os.system('echo noise >&2; echo from a child >&2')",
            "from a child\n",
        ),
    ],
    ids=["only the line", "half lines", "Python", "afterwards", "long line", "children"],
)  # fmt: skip
def test_only_lines_with_the_mark_are_dropped(body, expected):
    assert stderr_of(body) == expected


def test_an_error_passes_through():
    stderr = stderr_of("with dropped_lines('noise'): raise ValueError('boom')")
    assert stderr.endswith("ValueError: boom\n")
