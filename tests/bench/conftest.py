"""Ceilings are measured here too, but on little: how high they are says nothing of the code."""

import pytest

from bench import ceilings


@pytest.fixture(autouse=True)
def small_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU without instructions for 16 bits takes seconds for what a bench multiplies."""
    monkeypatch.setitem(ceilings.MATRIX_SIZE, "cpu", 64)
    monkeypatch.setitem(ceilings.COPY_BYTES, "cpu", 2**20)
