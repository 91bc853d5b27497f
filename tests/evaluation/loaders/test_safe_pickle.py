"""Pickles of ground truths are read without running anything in them."""

import os
import pickle
import struct

import numpy as np
import pytest
import scipy.sparse

from evaluation.loaders.errors import TruthError
from evaluation.loaders.safe_pickle import read_pickle

# pickle.dumps({"poses": numpy.array([1.5, -2.0])}, 2) of Python 2.7 with numpy 1.
PYTHON_2 = (
    b"\x80\x02}q\x00U\x05posesq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n"
    b"q\x03K\x00\x85q\x04U\x01bq\x05\x87q\x06Rq\x07(K\x01K\x02\x85q\x08cnumpy\ndtype\nq\tU\x02f8"
    b"q\nK\x00K\x01\x87q\x0bRq\x0c(K\x03U\x01<q\rNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq"
    b"\x0eb\x89U\x10" + struct.pack("<2d", 1.5, -2.0) + b"q\x0ftq\x10bs."
)


class Calls:
    """Unpickled freely, it calls a function."""

    def __init__(self, function, *arguments):
        self.content = function, arguments

    def __reduce__(self):
        return self.content


def save(path, content, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def test_pickle_of_python_2(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(PYTHON_2)
    assert read_pickle(path)["poses"].tolist() == [1.5, -2.0]


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(3, dtype=">i4"),
        np.array([True, False]),
        np.array(["m", "f"]),
        np.zeros((0, 3)),
        np.array(5.0),
        np.arange(24).reshape(2, 3, 4).transpose(1, 2, 0),
        np.arange(9)[::2],
    ],
    ids=[
        "float32", "fortran", "big-endian", "bool", "text", "empty", "0-dimensional", "turned",
        "every-second",
    ],
)  # fmt: skip
def test_arrays_come_back(tmp_path, array, protocol):
    read = read_pickle(save(tmp_path / "a.pkl", array, protocol))
    assert read.dtype == array.dtype
    assert read.tolist() == array.tolist()


def test_plain_values_come_back(tmp_path):
    content = {
        "n": 3, "t": (1, None), "f": np.float64(0.5), "b": np.True_, "raw": b"\x00\xff",
        "set": {1}, "rows": [np.ones(2)],
    }  # fmt: skip
    read = read_pickle(save(tmp_path / "a.pkl", content))
    assert read.pop("rows")[0].tolist() == [1, 1]
    assert read == {
        "n": 3, "t": (1, None), "f": 0.5, "b": True, "raw": b"\x00\xff", "set": {1}
    }  # fmt: skip


@pytest.mark.parametrize("protocol", [2, 5])
def test_arrays_of_objects_come_back_with_their_arrays(tmp_path, protocol):
    array = np.empty(2, object)
    array[:] = [np.ones(1), "a"]
    first, second = read_pickle(save(tmp_path / "a.pkl", array, protocol))
    assert (first.tolist(), second) == ([1], "a")


@pytest.mark.parametrize("module", ["numpy.core.numeric", "numpy._core.numeric"])
def test_both_names_of_numpys_function_of_protocol_5(tmp_path, module):
    data = pickle.dumps(np.array([1.5, 2.5]), 5)
    own = b"\x8c" + bytes([len(np._core.numeric.__name__)]) + np._core.numeric.__name__.encode()
    assert own in data
    name = b"\x8c" + bytes([len(module)]) + module.encode()
    unframed = data[:2] + data[11:]  # without the frame's length
    (tmp_path / "a.pkl").write_bytes(unframed.replace(own, name))
    assert read_pickle(tmp_path / "a.pkl").tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    "name", ["chumpy.ch Ch", "chumpy.reordering Select", "scipy.sparse.csc csc_matrix"]
)
def test_objects_that_nobody_reads_become_none(tmp_path, name):
    path = tmp_path / "a.pkl"
    module, leaf = name.encode().split()
    an_object = b"c" + module + b"\n" + leaf + b"\n)\x81}U\x04dataK\x01sb"
    path.write_bytes(b"\x80\x02}U\x01x" + an_object + b"s.")
    assert read_pickle(path) == {"x": None}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("form", ["csc", "csr"])
def test_sparse_matrices_come_back(tmp_path, form, protocol):
    matrix = scipy.sparse.coo_matrix(np.array([[0.0, 1.5, 0], [2, 0, -1]])).asformat(form)
    read = read_pickle(save(tmp_path / "a.pkl", {"J_regressor": matrix}, protocol))["J_regressor"]
    assert read.format == form
    assert read.toarray().tolist() == [[0, 1.5, 0], [2, 0, -1]]


def test_a_sparse_matrix_that_points_outside_is_refused(tmp_path):
    matrix = scipy.sparse.csc_matrix(np.eye(2))
    matrix.indices[1] = 9
    with pytest.raises(TruthError, match=r"a\.pkl: not a plain pickle"):
        read_pickle(save(tmp_path / "a.pkl", matrix))


def test_an_array_of_chumpy_is_taken(tmp_path):
    """As SMPL's files have it: chumpy.ch.Ch, its array in `x`."""
    array = pickle.dumps(np.array([1.5, 2.5]), 2)[2:-1]  # without protocol and stop
    an_object = b"cchumpy.ch\nCh\n)\x81}U\x01x" + array + b"sb"
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02}U\x01v" + an_object + b"s.")
    assert read_pickle(tmp_path / "a.pkl")["v"].tolist() == [1.5, 2.5]


def test_a_hostile_pickle_runs_nothing(tmp_path):
    mark = tmp_path / "mark"
    path = save(tmp_path / "a.pkl", {"poses": Calls(os.mkdir, str(mark))})
    with pytest.raises(TruthError, match=r"a\.pkl: .*nothing in it was run.*posix\.mkdir"):
        read_pickle(path)
    assert not mark.exists()
    pickle.loads(path.read_bytes())
    assert mark.exists()  # and would have, read freely


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (eval, ("1",)),
        (getattr, ("", "join")),
        (__import__, ("os",)),
        (np.load, ("a.npy",)),
        (np.dtype, ("V8",)),
        (np.dtype, ([("a", "f8")],)),
        (pickle.loads, (b"N.",)),
    ],
    ids=["eval", "getattr", "import", "np.load", "void", "structured", "pickle"],
)
def test_other_names_are_refused(tmp_path, function, arguments):
    with pytest.raises(TruthError, match="nothing in it was run"):
        read_pickle(save(tmp_path / "a.pkl", Calls(function, *arguments)))


def from_buffer(content, code, shape, *order):
    """A call of numpy's function of protocol 5, whatever it is given."""
    return Calls(np._core.numeric._frombuffer, content, np.dtype(code), shape, *order)


@pytest.mark.parametrize(
    "content",
    [
        from_buffer(bytes(16), "f8", (3,), "C"),
        from_buffer(bytes(16), "f8", (1 << 40, 1 << 40), "C"),
        from_buffer(bytes(15), "f8", (2,), "C"),
        from_buffer(bytes(16), "O", (2,), "C"),
        from_buffer([1, 2], "O", (2,), "C"),
        from_buffer(bytes(16), "f8", (2,), "A"),
        from_buffer(bytes(16), "f8", (2,), "K"),
        from_buffer(bytes(16), "f8", (2,), "K", (1,)),
        from_buffer(bytes(16), "f8", (2,), "C", (0,)),
        from_buffer(bytes(16), "f8", "2", "C"),
        from_buffer(bytes(16), "f8", (2,)),
        from_buffer(7, "f8", (2,), "C"),
        Calls(np._core.numeric._frombuffer, bytes(16), "f8", (2,), "C"),
    ],
    ids=[
        "shape", "huge", "half-a-number", "pointers", "objects", "order", "no-axes", "axes",
        "axes-of-none", "text", "too-few", "no-memory", "no-dtype",
    ],
)  # fmt: skip
def test_lies_about_a_buffer_are_refused(tmp_path, content):
    with pytest.raises(TruthError, match=r"a\.pkl: not a plain pickle"):
        read_pickle(save(tmp_path / "a.pkl", content, 5))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PYTHON_2[:-20],
        b"not a pickle",
        PYTHON_2.replace(b"U\x02f8", b"U\x02O8"),  # numbers said to be pointers
        PYTHON_2.replace(b"K\x01K\x02\x85", b"K\x01K\x07\x85"),  # more numbers than bytes
        b"\x80\x02cnumpy\nndarray\n)\x81.",
        b"\x80\x02]q\x00h\x00a.",  # a list in itself
    ],
    ids=["empty", "cut", "text", "pointers", "shape", "bare-array", "loop"],
)
def test_damaged_pickles_are_named(tmp_path, data):
    path = tmp_path / "a.pkl"
    path.write_bytes(data)
    with pytest.raises(TruthError, match=r"a\.pkl: not a plain pickle"):
        read_pickle(path)


def test_one_pickle_cannot_change_the_reading_of_the_next(tmp_path):
    """BUILD sets attributes of whatever a name stands for, functions and classes too."""
    for module, name in ((b"numpy", b"dtype"), (b"chumpy", b"Ch"), (b"_codecs", b"encode")):
        state = b"N}U\x08__call__K\x01s\x86b."
        (tmp_path / "a.pkl").write_bytes(b"\x80\x02c" + module + b"\n" + name + b"\n" + state)
        with pytest.raises(TruthError):
            read_pickle(tmp_path / "a.pkl")
    test_pickle_of_python_2(tmp_path)


def test_missing_file(tmp_path):
    with pytest.raises(TruthError, match=r"a\.pkl: cannot be read \(No such file"):
        read_pickle(tmp_path / "a.pkl")
