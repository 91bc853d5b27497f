"""Training: it learns what it is shown, keeps its curve, and goes on where it stopped."""

import json

import pytest
import torch

from human3r_model.config import PRESETS
from human3r_model.errors import CheckpointError
from human3r_model.random_weights import random_model
from human3r_model.weights import write_weights
from tests.training.fake_clips import make_clip
from training import trainer as trainer_module
from training.clips import write_clip
from training.forward import look
from training.objective import run_window
from training.stream import ClipStream
from training.trainer import TrainConfig, Trainer, learning_rate, trained_parameters


@pytest.fixture
def make_trainer(tmp_path, free_body):
    write_clip(tmp_path / "clip.safetensors", make_clip([(60, 30), (120, 40)], num_frames=4))

    def make(
        num_steps,
        single_share=0.4,
        move_share=0.3,
        start_from=None,
        num_loaders=0,
        max_seconds=None,
        learn="all",
        echoes=1,
    ):
        def stream(*, is_augmented):
            paths = [tmp_path / "clip.safetensors"]
            return ClipStream(
                paths,
                PRESETS["nano"],
                2,
                2,
                (0,),
                single_paths=paths,
                single_share=single_share if is_augmented else 0.0,
                move_share=move_share if is_augmented else 0.0,
                is_augmented=is_augmented,
            )

        config = TrainConfig(
            num_steps=num_steps,
            max_seconds=max_seconds,
            num_clips=2,
            window=2,
            warmup_steps=1,
            learning_rate=3e-3,
            measure_every=4,
            ema_decay=0.5,
            num_loaders=num_loaders,
            measure_windows=1,
            learn=learn,
            echoes=echoes,
        )
        held_out = [stream(is_augmented=False)]
        streams = [stream(is_augmented=True)]
        return Trainer(config, streams, (1.0,), held_out, free_body, "cpu", start_from)

    return make


def test_training_lowers_the_loss_and_goes_on_where_it_stopped(make_trainer, tmp_path):
    curve, checkpoint, said = tmp_path / "curve.jsonl", tmp_path / "checkpoint.pt", []
    make_trainer(4).run(curve, checkpoint, said.append)
    resumed = make_trainer(12)
    resumed.load(checkpoint)
    assert resumed.step == 4
    resumed.run(curve, checkpoint, said.append)
    points = [json.loads(line) for line in curve.read_text().splitlines()]
    assert [point["step"] for point in points] == [4, 8, 12]
    assert [point["frames"] for point in points] == [16, 32, 48]
    assert points[-1]["seconds"] > points[0]["seconds"]
    assert points[-1]["held_out"]["loss"] < points[0]["held_out"]["loss"]
    assert said[-1].startswith("step 12 ")


def test_batches_that_are_read_ahead_are_those_that_are_not(make_trainer, tmp_path):
    curves = []
    for num_loaders in (0, 1):
        curve = tmp_path / f"{num_loaders}.jsonl"
        make_trainer(4, num_loaders=num_loaders).run(curve, tmp_path / "checkpoint.pt", print)
        curves.append(json.loads(curve.read_text())["losses"])
    assert curves[0] == pytest.approx(curves[1], rel=1e-4)


def test_what_annotation_does_not_read_stays_as_it_is(make_trainer, tmp_path):
    trainer = make_trainer(2)
    unread = trainer.model.downstream_head.dpt_cross.head[4].weight
    before = unread.clone()
    trainer.run(tmp_path / "curve.jsonl", tmp_path / "checkpoint.pt", print)
    assert torch.equal(unread, before)
    assert all(parameter is not unread for parameter in trained_parameters(trainer.model))


def test_every_trained_parameter_gets_a_gradient(make_trainer, tmp_path):
    trainer = make_trainer(1, single_share=0.0, move_share=0.0)
    trainer.run(tmp_path / "curve.jsonl", tmp_path / "checkpoint.pt", print)
    names = {id(value): name for name, value in trainer.model.named_parameters()}
    idle = [names[id(p)] for p in trained_parameters(trainer.model) if p.grad is None]
    assert idle == []


@pytest.mark.parametrize("learn", ["decoder", "camera"])
def test_the_decoder_learns_alone_where_it_is_asked_to(make_trainer, tmp_path, learn):
    shares = {"single_share": 0.0, "move_share": 0.5} if learn == "camera" else {}
    trainer = make_trainer(6, learn=learn, **shares)
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    trainer.run(tmp_path / "curve.jsonl", tmp_path / "checkpoint.pt", print)
    changed = {
        name
        for name, value in trainer.model.named_parameters()
        if not torch.equal(value, before[name])
    }
    sees = ("backbone.", "patch_embed.", "enc_", "downstream_head.mlp_classif.")
    assert not any(name.startswith(sees) for name in changed)
    last = "downstream_head.dpt_self.head.4.bias"
    assert {"pose_token", "dec_blocks.0.mlp.fc1.weight", last} <= changed
    person = "downstream_head.deccam.mlp.layers.2.bias"
    assert (person in changed) == (learn == "decoder")


def test_frozen_backbones_look_at_a_batch_once_however_often_it_is_learned_from(
    make_trainer, tmp_path, monkeypatch
):
    looked, learned = [], []

    def look_at(model, frames, *, for_people):
        looked.append(frames)
        return look(model, frames, for_people=for_people)

    def learn_from(model, maps, body, batch, tokens, memory, dense_steps):
        own = look(model, batch.frames)
        torch.testing.assert_close(tokens.dino, own.dino)
        learned.append((batch, None if memory is None else memory.state.tokens.clone()))
        return run_window(model, maps, body, batch, tokens, memory, dense_steps)

    monkeypatch.setattr(trainer_module, "ECHOED", 2)
    monkeypatch.setattr(trainer_module, "look", look_at)
    monkeypatch.setattr(trainer_module, "run_window", learn_from)
    trainer = make_trainer(9, single_share=0.0, move_share=0.0, learn="decoder", echoes=3)
    trainer.run(tmp_path / "curve.jsonl", tmp_path / "checkpoint.pt", print)
    batches, memories = zip(*learned, strict=True)
    order = [next(i for i, frames in enumerate(looked) if frames is b.frames) for b in batches]
    assert order == [0, 1, 0, 1, 0, 1, 2, 3, 2]
    assert memories[0] is memories[2] is memories[4] is None  # where the first of them began
    assert torch.equal(memories[6], memories[8])
    assert not torch.equal(memories[1], memories[3])  # the same frames, weights that learned


def test_a_training_of_something_else_is_not_gone_on_with(make_trainer, tmp_path):
    make_trainer(1).save(tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError, match=r"--learn all, not decoder.*--start-from"):
        make_trainer(1, learn="decoder").load(tmp_path / "checkpoint.pt")


def test_a_training_begins_with_the_weights_of_a_file(make_trainer, tmp_path):
    trained = make_trainer(1)
    trained.run(tmp_path / "curve.jsonl", tmp_path / "checkpoint.pt", print)
    tensors = trained.average.state_dict()
    write_weights(tmp_path / "a.safetensors", PRESETS["nano"], tensors, source_sha256="0" * 64)
    again = make_trainer(1, start_from=tmp_path / "a.safetensors")
    for name, value in again.model.state_dict().items():
        assert torch.equal(value, tensors[name]), name
    assert all(parameter.requires_grad for parameter in again.model.parameters())


def test_weights_of_another_preset_are_refused(make_trainer, tmp_path):
    tiny = random_model("tiny").model.state_dict()
    write_weights(tmp_path / "a.safetensors", PRESETS["tiny"], tiny, source_sha256="0" * 64)
    with pytest.raises(CheckpointError, match=r"a\.safetensors: is of preset tiny, and nano is"):
        make_trainer(1, start_from=tmp_path / "a.safetensors")


def test_the_learning_rate_rises_and_falls():
    config = TrainConfig(learning_rate=1.0, warmup_steps=10, num_steps=110)
    assert learning_rate(config, 0, 0) == pytest.approx(0.1)
    assert learning_rate(config, 4, 0.5) == pytest.approx(0.51 / 2)
    assert learning_rate(config, 60, 0.5) == pytest.approx(0.51)
    assert learning_rate(config, 110, 1) == pytest.approx(0.02)


def test_a_training_ends_by_the_clock(make_trainer, tmp_path):
    curve = tmp_path / "curve.jsonl"
    trainer = make_trainer(10**6, max_seconds=1e-3)
    trainer.run(curve, tmp_path / "checkpoint.pt", print)
    (point,) = [json.loads(line) for line in curve.read_text().splitlines()]
    assert trainer.step == point["step"] == 1
