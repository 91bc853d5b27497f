"""Run `h3r` as a user does: in this process (quick, shares its Ray cluster) or in its own."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.cli import main

PROGRAM = (sys.executable, "-m", "jobs.cli")


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Stdout as the one JSON value it must be."""
        return json.loads(self.stdout)


def h3r(*arguments: object) -> Answer:
    """Run in this process."""
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    return Answer(code, stdout.getvalue(), stderr.getvalue())


def h3r_process(*arguments: object, **options: Any) -> Answer:
    """Run in a process of its own; `options` are `subprocess.run`'s."""
    command = [*PROGRAM, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=quiet_environment(), **options
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def quiet_environment() -> dict[str, str]:
    """For a process that starts a cluster beside others on a small machine."""
    return os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}


def files_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and modification time of every file below a folder, by name."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
