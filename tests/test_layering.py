"""Who may import whom, read from the sources; and what the command line loads when it starts.

jobs -> pipeline -> {schemas, human3r_model}; those two import no first-party package. The synthetic
world, its training, the evaluation and the benches stand beside the pipeline, which knows nothing
of them. Every outside thing has one door.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MAY_IMPORT = {
    "schemas": set(),
    "human3r_model": set(),
    "pipeline": {"schemas", "human3r_model"},
    "synth": {"schemas", "human3r_model", "pipeline"},
    "training": {"human3r_model", "synth"},
    "evaluation": {"schemas", "human3r_model", "pipeline"},
    "bench": {"schemas", "human3r_model", "pipeline"},
    "jobs": {"schemas", "human3r_model", "pipeline", "synth", "training", "evaluation", "bench"},
}
DOORS = {
    "ray": "pipeline/ray_runner.py",
    "av": "pipeline/av_io/",
    "fsspec": "pipeline/storage.py",
    "s3fs": "pipeline/storage.py",
    "smplx": "human3r_model/body.py",
    "numba": "synth/compiled.py",
    "matplotlib": "evaluation/plots.py",
}
NEVER = {"schemas": {"torch"}, "human3r_model": {"pyarrow"}}


def sources() -> list[Path]:
    return sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


def imported_modules(node: ast.AST) -> list[str]:
    """Absolute names that one node of a syntax tree imports, `importlib` with a literal too."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
        case ast.Call(func=ast.Name(id="__import__"), args=[ast.Constant(value=str(name))]):
            return [name]
        case ast.Call(
            func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name))]
        ):
            return [name]
    return []


def violations(path: str, source: str) -> list[str]:
    """What the file `path` (relative to the root) imports against the rules, a line each."""
    package = path.split("/")[0]
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            if any(alias.name == "*" for alias in node.names):
                found.append(f"{path}:{node.lineno}: star import")
            if node.level >= len(path.split("/")):
                found.append(f"{path}:{node.lineno}: relative import leaves {package}")
        for module in imported_modules(node):
            top = module.split(".")[0]
            is_foreign = top in MAY_IMPORT and top != package and top not in MAY_IMPORT[package]
            is_round_the_door = top in DOORS and not path.startswith(DOORS[top])
            if is_foreign or is_round_the_door or top in NEVER.get(package, ()):
                found.append(f"{path}:{node.lineno}: {package} imports {module}")
    return found


def test_every_source_keeps_the_layers():
    assert len(sources()) > len(MAY_IMPORT)
    broken = [
        line
        for path in sources()
        for line in violations(path.relative_to(ROOT).as_posix(), path.read_text())
    ]
    assert broken == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("schemas/tables.py", "import pipeline.plan"),
        ("schemas/tables.py", "from human3r_model.geometry import pose_to_matrix"),
        ("schemas/tables.py", "def f():\n    import torch"),
        ("human3r_model/model.py", "import schemas"),
        ("human3r_model/model.py", "import pyarrow.parquet as pq"),
        ("human3r_model/weights.py", "import smplx"),
        ("pipeline/plan.py", "from jobs.cli import app"),
        ("pipeline/plan.py", "from jobs import cli"),
        ("pipeline/annotate.py", "import ray"),
        ("pipeline/annotate.py", "from ray.data import from_items"),
        ("pipeline/probe.py", "if True:\n    import av"),
        ("pipeline/source.py", "import fsspec"),
        ("pipeline/commit.py", "import importlib\nimportlib.import_module('s3fs')"),
        ("jobs/status.py", "__import__('ray')"),
        ("jobs/plan.py", "from pipeline.plan import *"),
        ("pipeline/plan.py", "from ..schemas import tables"),
        ("pipeline/rows.py", "from synth.values import Shot"),
        ("human3r_model/model.py", "import training.losses"),
        ("evaluation/bodies.py", "import synth"),
        ("synth/render.py", "from numba import njit"),
        ("evaluation/report_html.py", "import matplotlib.figure"),
        ("pipeline/plan.py", "from bench.machine import read_machine"),
        ("bench/scale.py", "import ray"),
    ],
)
def test_a_planted_violation_is_found(path, source):
    assert len(violations(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("pipeline/ray_runner.py", "import ray\nfrom ray.data import from_items"),
        ("pipeline/storage.py", "import fsspec, s3fs"),
        ("human3r_model/body.py", "import smplx\nimport torch"),
        ("pipeline/rows.py", "import pyarrow as pa\nfrom schemas import people"),
        ("training/corpus.py", "from synth.render import render_shot"),
        ("pipeline/plan.py", "from . import errors\nfrom .errors import PlanError"),
        ("jobs/parity.py", "from human3r_model.config import PRESETS"),
        ("schemas/tables.py", "import array\nimport rayleigh  # begins like ray, is not"),
    ],
)
def test_a_rightful_import_is_left_alone(path, source):
    assert violations(path, source) == []


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], ["status", "nowhere"]])
def test_the_command_line_starts_without_torch_and_ray(arguments, tmp_path):
    program = (
        "import sys\n"
        "from jobs.cli import main\n"
        f"sys.argv = ['h3r', *{arguments!r}]\n"
        "try:\n    main()\n"
        "finally:\n    print('LOADED', sorted({'torch', 'ray'} & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "LOADED []", done.stderr
