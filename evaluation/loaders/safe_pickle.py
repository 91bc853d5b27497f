"""Reads a pickle of plain values and numpy arrays without running anything in it.

The ground truths of 3DPW, EMDB and RICH are pickles, some written by Python 2. A pickle names
functions and has them called; here every name is looked up in a short list, and what it gets is
a stand-in of this module that only keeps what it is given. Arrays are built from those afterwards,
so not even numpy's own unpickling code runs. A matrix of `scipy.sparse` is built anew from its
arrays, of a value of `chumpy` the array that it holds is taken; other objects of the two, which
some files carry in fields that nobody reads, become None. Any other name is refused.
"""

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from evaluation.loaders.errors import TruthError

_PLAIN_BUILTINS = {"set": set, "frozenset": frozenset}
_BUILTIN_MODULES = ("builtins", "__builtin__")
_ARRAY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
_BUFFER_MODULES = ("numpy.core.numeric", "numpy._core.numeric")
_FOREIGN_PACKAGES = ("chumpy", "scipy.sparse")
_SPARSE = {"csc_matrix": scipy.sparse.csc_matrix, "csr_matrix": scipy.sparse.csr_matrix}
_CHUMPY_VALUE = "x"  # a chumpy.ch.Ch that is not computed from others holds its array here
_DTYPE_CODE = re.compile(r"[biufc]\d{1,2}|[SU]\d{1,6}|O8?")
# A hostile or damaged pickle can make the unpickler fail in any of these ways.
_READ_ERRORS = (
    pickle.UnpicklingError, ArithmeticError, AttributeError, EOFError, ImportError, LookupError,
    MemoryError, RecursionError, TypeError, ValueError,
)  # fmt: skip


def read_pickle(path: Path) -> Any:
    """Read a pickle of dicts, lists, numbers, strings and numpy arrays; nothing in it is run.

    Python 2's byte strings are decoded as latin-1, as the datasets' own tools do.

    Raises:
        TruthError: The file cannot be read, is damaged, or asks for anything else.
    """
    try:
        with open(path, "rb") as file:
            return _plain(_RestrictedUnpickler(file, encoding="latin1").load())
    except OSError as error:
        raise TruthError(path, f"cannot be read ({error.strerror})") from error
    except _READ_ERRORS as error:
        raise TruthError(
            path, f"not a plain pickle, and nothing in it was run: {str(error)[:200]}"
        ) from error


class _Dtype:
    """Stands for numpy.dtype: its code, and the byte order that its state tells."""

    def __init__(self, code: object) -> None:
        if not isinstance(code, str) or not _DTYPE_CODE.fullmatch(code):
            raise pickle.UnpicklingError(f"an array of dtype {code!r}, which no truth needs")
        self.code = code
        self.order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"a byte order {state[1]!r}")
        self.order = state[1]

    def to_numpy(self) -> np.dtype[Any]:
        return np.dtype(self.order.replace("|", "=") + self.code)


class _Array:
    """Stands for numpy.ndarray until its state is known."""

    state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def to_numpy(self) -> NDArray[Any]:
        _, shape, dtype, is_fortran, content = self.state
        if isinstance(dtype, _Dtype) and dtype.code.startswith("O"):
            if not isinstance(content, list):
                raise pickle.UnpicklingError("an array of objects that are no list")
            flat: NDArray[Any] = np.empty(len(content), object)
            flat[:] = [_plain(item) for item in content]
        else:
            flat = _to_numbers(dtype, content)
        return flat.reshape(shape, order="F" if is_fortran else "C")


class _BufferArray:
    """Stands for an array as protocol 5 writes it: its memory, and in which order that is."""

    def __init__(
        self, content: object, dtype: object, shape: Any, order: object, axes: Any = None
    ) -> None:
        if order not in ("C", "F", "K") or (order == "K") != (axes is not None):
            raise pickle.UnpicklingError(f"an array in the order {order!r} of axes {axes!r}")
        self.content, self.dtype, self.shape, self.axes = content, dtype, shape, axes
        self.is_fortran = order == "F"

    def to_numpy(self) -> NDArray[Any]:
        flat = _to_numbers(self.dtype, self.content)
        array = flat.reshape(self.shape, order="F" if self.is_fortran else "C")
        return array if self.axes is None else array.transpose(self.axes)


class _Scalar:
    """Stands for a number of numpy's."""

    def __init__(self, dtype: object, content: object) -> None:
        self.dtype, self.content = dtype, content

    def to_python(self) -> Any:
        return _to_numbers(self.dtype, self.content)[0].item()


class _Foreign:
    """Stands for an object of `chumpy` or `scipy.sparse` until its state is known."""

    def __new__(cls, *_: object) -> "_Foreign":
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        self._fields: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        self._fields = state if isinstance(state, dict) else {}

    def to_plain(self) -> Any:
        """A sparse matrix, an array, or None where it is neither."""
        name = type(self).__name__
        fields = getattr(self, "_fields", {})
        if name in _SPARSE and {"data", "indices", "indptr", "_shape"} <= fields.keys():
            parts = tuple(_plain(fields[key]) for key in ("data", "indices", "indptr"))
            matrix = _SPARSE[name](parts, shape=_plain(fields["_shape"]))
            matrix.check_format(full_check=True)
            return matrix
        return _plain(fields.get(_CHUMPY_VALUE)) if name == "Ch" else None


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """What a name in the pickle stands for; never the thing itself.

        Only bound methods, builtin types, strings and classes made for this one call are handed
        out: a pickle cannot change any of them for the next reader.
        """
        if module in _ARRAY_MODULES and name == "_reconstruct":
            return self._make_array
        if module in _ARRAY_MODULES and name == "scalar":
            return self._make_scalar
        if module in _BUFFER_MODULES and name == "_frombuffer":
            return self._make_buffer_array
        if (module, name) == ("numpy", "dtype"):
            return self._make_dtype
        if (module, name) == ("numpy", "ndarray"):
            return "numpy.ndarray"  # only ever an argument of _reconstruct
        if (module, name) == ("_codecs", "encode"):
            return self._make_bytes  # how Python 3 writes bytes in protocol 2
        if module in _BUILTIN_MODULES and name == "bytes":
            return self._make_empty_bytes  # likewise, where there are none
        if module in _BUILTIN_MODULES and name in _PLAIN_BUILTINS:
            return _PLAIN_BUILTINS[name]
        if any(module == top or module.startswith(f"{top}.") for top in _FOREIGN_PACKAGES):
            return type(name, (_Foreign,), {})
        raise pickle.UnpicklingError(
            f"it asks for {module}.{name}, which no ground truth needs: the file may be hostile. "
            "Get the published file again"
        )

    def _make_array(self, *_: object) -> _Array:
        return _Array()

    def _make_buffer_array(self, *arguments: Any) -> _BufferArray:
        return _BufferArray(*arguments)

    def _make_dtype(self, code: object, *_: object) -> _Dtype:
        return _Dtype(code)

    def _make_scalar(self, dtype: object, content: object) -> _Scalar:
        return _Scalar(dtype, content)

    def _make_empty_bytes(self) -> bytes:
        return b""

    def _make_bytes(self, text: str, encoding: str = "latin1") -> bytes:
        if encoding not in ("latin1", "latin-1"):
            raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
        return text.encode("latin1")


def _to_numbers(dtype: object, content: object) -> NDArray[Any]:
    """The numbers or texts in some memory, in a row; never objects."""
    if not isinstance(dtype, _Dtype):
        raise pickle.UnpicklingError("an array without a dtype")
    return np.frombuffer(_to_bytes(content), dtype.to_numpy()).copy()


def _to_bytes(content: object) -> bytes | bytearray:
    """Array memory, which Python 2 wrote as a string."""
    if isinstance(content, str):
        return content.encode("latin1")
    if isinstance(content, bytes | bytearray):
        return content
    raise pickle.UnpicklingError(f"array memory that is {type(content).__name__}")


def _plain(value: Any) -> Any:
    """`value` with every stand-in replaced by what it stands for."""
    match value:
        case _Array() | _BufferArray():
            return value.to_numpy()
        case _Scalar():
            return value.to_python()
        case _Foreign():
            return value.to_plain()
        case _Dtype():
            return None
        case dict():
            return {_plain(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case tuple():
            return tuple(_plain(item) for item in value)
    return value
