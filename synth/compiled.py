"""The one door to numba: loops over pixels, vertices and triangles compiled to machine code.

A compiled function must call no compiled function of another file: numba's cache on disk notices
only changes to a function's own file.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile on the first call, keep the result on disk, let other threads run meanwhile.

    Floating-point arithmetic stays as written: the same bytes on every run.
    """
    return cast(Function, njit(cache=True, nogil=True)(function))
