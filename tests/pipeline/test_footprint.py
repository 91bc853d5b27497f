import pytest

from human3r_model.config import PRESETS
from pipeline.config import WorkerConfig
from pipeline.footprint import count_parameters, decoder_bytes, estimate_decoders, estimate_memory

GIB = 2**30


def test_parameters_of_the_largest_network():
    # 1177 M in the published checkpoint, less what inference has no use for (keys.py)
    assert count_parameters(PRESETS["896L"]) == 1_118_125_309


@pytest.mark.parametrize(("preset", "at_least", "at_most"), [("tiny", 1.1, 1.5), ("896L", 8, 12)])
def test_memory_is_in_the_measured_range(preset, at_least, at_most):
    assert at_least < estimate_memory(PRESETS[preset], WorkerConfig()) / GIB < at_most


def test_fewer_frames_at_once_need_less():
    config = PRESETS["896L"]
    one = WorkerConfig(batch_clips=1, encode_frames=1)
    assert estimate_memory(config, one) < estimate_memory(config, WorkerConfig())


def test_decoders_of_two_shards_side_by_side():
    clip = decoder_bytes(1920, 1080, 3)
    assert estimate_decoders(WorkerConfig(batch_clips=3, decode_bytes=4 * clip)) == 6 * clip
    assert estimate_decoders(WorkerConfig(batch_clips=3, decode_bytes=2 * clip)) == 4 * clip
