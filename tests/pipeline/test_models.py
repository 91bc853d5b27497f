import pytest
import torch

from human3r_model.errors import BodyModelError, CheckpointError, InputError
from pipeline.config import LabelConfig, PlanConfig
from pipeline.errors import ConfigError, StorageError
from pipeline.job import identify
from pipeline.models import (
    ModelSource,
    choose_device,
    device_name,
    load_body,
    load_models,
    load_network,
)
from tests.conftest import FREE_BODY


def source(weights=None, preset="tiny", seed=0, body_model=None):
    return ModelSource(weights, preset, seed, None if body_model is None else str(body_model))


@pytest.fixture(scope="module")
def models():
    return load_models(source(body_model=FREE_BODY), "cpu")


def test_a_worker_gets_the_network_and_the_body(models):
    assert models.body.sha256.startswith("b8e24ea1f43b60a7")
    assert not models.network.model.training
    assert (models.network.is_untrained, models.network.config.name) == (True, "tiny")
    assert models.device == "cpu"
    assert load_body(source()) is None


def test_a_worker_gets_the_network_in_the_precision_asked_for():
    models = load_models(source(), "cpu", "bfloat16")
    assert models.network.model.patch_embed.proj.weight.dtype == torch.bfloat16


def test_random_weights_are_another_network_for_another_seed(models):
    other = load_network(source(seed=1), "cpu")
    assert other.weights_sha256 != models.network.weights_sha256


def test_a_preset_that_is_none_is_named_with_those_that_are():
    with pytest.raises(InputError, match=r"no preset 'huge': choose one of 672S, .*tiny"):
        load_network(source(preset="huge"), "cpu")


def test_weights_that_are_not_there_are_named(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(StorageError, match=f"{path}: no such file"):
        load_network(source(weights=str(path)), "cpu")


def test_weights_that_are_none_are_named(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_text("text")
    with pytest.raises(CheckpointError, match=f"{path}: not a safetensors file"):
        load_network(source(weights=str(path)), "cpu")


def test_a_body_model_that_is_not_there_or_none_is_named(tmp_path):
    path = tmp_path / "body.npz"
    with pytest.raises(StorageError, match=f"{path}: no such file"):
        load_body(source(body_model=path))
    path.write_text("text")
    with pytest.raises(BodyModelError, match=f"{path}: not an .npz archive"):
        load_body(source(body_model=path))


def test_devices():
    assert choose_device("cpu") == device_name("cpu") == "cpu"
    for none in ("cuda:99", "foo"):
        with pytest.raises(ConfigError, match=f"device {none}: torch cannot use it here: "):
            choose_device(none)
    assert choose_device("auto") in ("cpu", "cuda")


def test_an_identity_says_what_labels_depend_on(models):
    plan, labels = PlanConfig(fps=5), LabelConfig(ttt3r=False)
    identity = identify(source(), plan, labels)
    assert (identity.model_preset, identity.is_untrained) == ("tiny", True)
    assert identity.weights_sha256 == models.network.weights_sha256
    assert identity.body_model_sha256 is None
    assert (identity.plan, identity.labels) == (plan, labels)
