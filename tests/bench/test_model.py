"""The bench of the network: it counts rightly, and its yardstick computes what the product does."""

import json

import pytest
import torch

from bench.model import flop_counter
from bench.plain import plain_attention, run_plain
from bench.precision import PrecisionOptions, bench_precision
from human3r_model.layers import Attention, StateBlock
from human3r_model.model import Human3R
from human3r_model.rope import rotation
from tests.commands import h3r
from tests.conftest import FREE_BODY
from tests.human3r_model.reference import new_tiny_model
from tests.synthetic import make_video


def test_the_plain_formulation_computes_the_same():
    model = new_tiny_model(-1.5).double()  # the deterministic fill amplifies last bits
    generator = torch.Generator().manual_seed(3)
    clips = torch.randint(0, 256, (2, 3, 64, 128, 3), dtype=torch.uint8, generator=generator)
    with torch.inference_mode():
        plain = run_plain(model, clips)
        features, state = model.encode(clips.flatten(0, 1)), model.initial_state(2)
        for frame in range(3):
            together, state = model.step(features.select(torch.tensor([0, 3]) + frame), state)
            for clip, predictions in enumerate(plain):
                alone, mine = predictions[frame], together.people.clip_index == clip
                assert mine.sum() > 0
                for ours, theirs in (
                    (together.camera_pose[clip], alone.camera_pose[0]),
                    (together.pointmap[clip], alone.pointmap[0]),
                    (together.people.rotations[mine], alone.people.rotations),
                    (together.people.track_id[mine], alone.people.track_id),
                ):
                    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_padding_is_left_out_of_both_formulations():
    block = StateBlock(16, 2, 2, 1e-6)
    x, y = torch.randn(2, 3, 16), torch.randn(2, 5, 16)
    mask = torch.tensor([[True] * 5, [True, True, False, True, False]])
    turns = [rotation(torch.arange(2 * n).view(1, n, 2), 8, 100.0, torch.float32) for n in (3, 5)]
    ours = block(x, y, *turns, mask)
    with plain_attention():
        plain = block(x, y, *turns, mask)
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)


def test_every_product_is_counted():
    layer, (num_tokens, dim) = Attention(8, 2), (5, 8)
    with flop_counter() as counter, torch.inference_mode():
        layer(torch.randn(1, num_tokens, dim), None, None)
    products = num_tokens * dim * 3 * dim + num_tokens * dim * dim  # qkv, out
    attention = 2 * num_tokens * num_tokens * dim  # logits, sum of values
    assert counter.get_total_flops() == 2 * (products + attention)


def test_the_command(tmp_path):
    file = tmp_path / "figures.json"
    answer = h3r(
        *("bench", "model", "--preset", "tiny", "--clips", 2, "--frames", 2, "--people", 1.5),
        *("--repeats", 2, "--plain", "--json", file),
    )
    assert answer.exit_code == 0, answer.stderr
    report = json.loads(file.read_text())
    found = {figure["name"]: figure for figure in report["figures"]}
    assert report["settings"]["people_a_frame"] == 1.5
    ours, plain = (found[name]["samples"] for name in ("through the network", "plain formulation"))
    ratio = found["through the network, of the plain formulation"]["samples"]
    assert ratio == pytest.approx([a / b for a, b in zip(ours, plain, strict=True)])
    rate, flops = found["rate of arithmetic"]["samples"], found["arithmetic"]["median"]
    assert rate == pytest.approx([fps * flops for fps in ours])


def test_a_precision_that_is_none_is_refused():
    answer = h3r("bench", "model", "--preset", "tiny", "--precision", "float8")
    assert answer.exit_code != 0
    said = " ".join(answer.stderr.replace("│", " ").split())
    assert "--precision float8: must be one of float32, tf32, bfloat16, float16" in said


def test_the_plain_formulation_is_not_compiled():
    answer = h3r("bench", "model", "--preset", "tiny", "--plain", "--compile")
    assert answer.exit_code == 2
    assert "give it without --compile" in " ".join(answer.stderr.replace("│", " ").split())


def test_what_another_precision_changes(tmp_path):
    make_video(tmp_path / "a.mp4", 4, width=128, height=32)
    file = tmp_path / "figures.json"
    answer = h3r(
        *("bench", "precision", tmp_path / "a.mp4", "--preset", "tiny", "--frames", 2),
        *("--body-model", FREE_BODY, "--json", file),
    )
    assert answer.exit_code == 0, answer.stderr
    report = json.loads(file.read_text())
    found = {figure["name"]: figure["median"] for figure in report["figures"]}
    assert report["settings"]["frames"] == 2
    assert 0 < found["depth: median difference"] < 5
    assert found["likewise, of all"] in (0, 0.5, 1)


def test_a_network_differs_from_itself_in_nothing(tmp_path):
    make_video(tmp_path / "a.mp4", 3)
    options = PrecisionOptions(
        (tmp_path / "a.mp4",), None, "tiny", "float32", FREE_BODY, num_frames=2, device="cpu"
    )
    figures = {figure.name: figure for figure in bench_precision(options).figures}
    assert figures["likewise, of all"].median == 1
    differences = [f.median for name, f in figures.items() if name.endswith("median difference")]
    assert differences == [0] * len(differences)


def test_float32_is_not_rounded_beside_a_network_of_another_precision(tmp_path, monkeypatch):
    make_video(tmp_path / "a.mp4", 2, width=128, height=32)
    seen, encode = [], Human3R.encode

    def note(network, *arguments):
        dtype = network.patch_embed.proj.weight.dtype
        seen.append((dtype, torch.backends.cuda.matmul.allow_tf32))
        return encode(network, *arguments)

    monkeypatch.setattr(Human3R, "encode", note)
    bench_precision(
        PrecisionOptions((tmp_path / "a.mp4",), None, "tiny", "bfloat16", FREE_BODY, num_frames=2)
    )
    assert seen == [(torch.float32, False), (torch.bfloat16, True)] * 2
