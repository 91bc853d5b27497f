"""`python -m jobs.train_nano`: clips, a curve and weights for `h3r annotate`; and it goes on."""

import json

import pytest
import typer

from human3r_model.weights import load_model
from jobs import train_nano as job


def train(out, steps, start_from=None, echoes=1):
    job.train_nano(
        out,
        start_from=start_from,
        clips=3,
        views=3,
        steps=steps,
        seed=0,
        processes=1,
        render_processes=1,
        loaders=0,
        batch_clips=1,
        echoes=echoes,
        learn="all",
        learning_rate=1e-3,
        measure_every=1,
    )


@pytest.mark.parametrize(
    ("learn", "moves", "singles"),
    [("all", 0.3, 0.4), ("all", 0.0, 0.7), ("all", 1.0, 0.0), ("camera", 0.2, 0.0)],
)
def test_moves_take_the_place_of_single_frames(learn, moves, singles):
    assert job.share_of_singles(learn, moves) == pytest.approx(singles)


def test_unfit_weights_are_told_of_before_anything_is_rendered(tmp_path):
    with pytest.raises(typer.BadParameter, match=r"none\.safetensors"):
        train(tmp_path / "out", steps=1, start_from=tmp_path / "none.safetensors")
    with pytest.raises(typer.BadParameter, match="backbones that do not learn"):
        train(tmp_path / "out", steps=1, echoes=2)
    assert not (tmp_path / "out").exists()


def test_a_training_ends_in_weights_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(job, "LENGTHS", (3,))
    monkeypatch.setattr(job, "HELD_OUT_LENGTHS", (3,))
    monkeypatch.setattr(job, "NUM_VIEWS", (2,))
    monkeypatch.setattr(job, "HELD_OUT_LANES", 1)
    monkeypatch.setattr(job, "SIZES", ((96, 54), (96, 72), (54, 96)))
    monkeypatch.setattr(job, "NUM_HELD_OUT", 1)
    train(tmp_path, steps=1)
    first = load_model(tmp_path / "nano.safetensors")
    assert (first.config.name, first.is_untrained) == ("nano", False)
    assert (tmp_path / "nano.safetensors").stat().st_size < 15e6
    rendered = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*/*.safetensors")}
    # 2 + 1 + 1 clips of the three sizes, as many scenes, and one clip of each held out
    assert len(rendered) == 4 + 4 + 3

    train(tmp_path, steps=2)
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [point["step"] for point in curve] == [1, 2]
    assert {path: path.stat().st_mtime_ns for path in rendered} == rendered
    second = load_model(tmp_path / "nano.safetensors")
    assert second.weights_sha256 != first.weights_sha256
    assert json.loads((tmp_path / "config.json").read_text())["num_steps"] == 2
