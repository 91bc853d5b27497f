"""Plants a regression: runs a function with one expression of its source replaced."""

import importlib
import inspect
import textwrap
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Plant:
    """One wrong line.

    Attributes:
        name: What somebody got wrong.
        function: "module:function" or "module:Class.method".
        right: Text that stands once in its source.
        wrong: What it becomes.
        columns: What must turn red, "table.column", among others.
        reason: What the clips that fail of it say.
    """

    name: str
    function: str
    right: str
    wrong: str
    columns: frozenset[str]
    reason: str = ""


def plant(monkeypatch: pytest.MonkeyPatch, wrong: Plant) -> None:
    """Put the wrong line into the function, for all who imported it, until the test ends."""
    module, _, path = wrong.function.partition(":")
    function = importlib.import_module(module)
    for name in path.split("."):
        function = getattr(function, name)
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(wrong.right) == 1, f"{wrong.function} has changed: plant it anew"
    changed: dict = {}
    exec(source.replace(wrong.right, wrong.wrong), function.__globals__, changed)
    monkeypatch.setattr(function, "__code__", changed[function.__name__].__code__)
