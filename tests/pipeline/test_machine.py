import platform

import psutil
import pytest

from pipeline.machine import count_cores, read_cgroup_memory, read_free_memory, release_memory

GIB, MIB = 2**30, 2**20


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def test_version_2_limit_minus_use_plus_reclaimable_cache(tmp_path):
    write(
        tmp_path,
        {
            "memory.max": "8589934592\n",  # 8 GiB
            "memory.current": "3221225472\n",  # 3 GiB
            "memory.stat": "anon 2147483648\ninactive_file 1073741824\n",  # 1 GiB of cache
        },
    )
    assert read_cgroup_memory(tmp_path) == 6 * GIB


def test_version_1_has_other_names(tmp_path):
    write(
        tmp_path,
        {
            "memory/memory.limit_in_bytes": "2147483648\n",
            "memory/memory.usage_in_bytes": "1073741824\n",
            "memory/memory.stat": "inactive_file 7\ntotal_inactive_file 0\n",
        },
    )
    assert read_cgroup_memory(tmp_path) == GIB


@pytest.mark.parametrize("files", [{}, {"memory.max": "max\n"}])
def test_no_limit(tmp_path, files):
    write(tmp_path, files)
    assert read_cgroup_memory(tmp_path) is None
    assert read_free_memory(tmp_path)[1] == "machine"


def test_a_container_over_its_limit_has_nothing_left(tmp_path):
    write(tmp_path, {"memory.max": "100\n", "memory.current": "200\n", "memory.stat": "anon 200\n"})
    assert read_free_memory(tmp_path) == (0, "container")


def test_there_is_a_core():
    assert count_cores() >= 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library is asked to")
def test_freed_memory_is_given_back():
    blocks = [bytearray(2**16) for _ in range(3200)]  # 200 MiB, too small to be mapped one by one
    pinned = blocks[::100]  # so that the heap's end cannot just be lowered
    del blocks
    before = psutil.Process().memory_info().rss
    release_memory()
    assert before - psutil.Process().memory_info().rss > 100 * MIB
    assert len(pinned) == 32
