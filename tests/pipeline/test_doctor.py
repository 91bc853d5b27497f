import pickle
import shutil
import sys
from pathlib import Path

import pytest

from human3r_model.config import PRESETS
from human3r_model.random_weights import random_model
from human3r_model.weights import write_weights
from pipeline import doctor
from pipeline.doctor import Check, Status, can_annotate
from pipeline.machine import Gpu
from tests.fakes import CarelessStore

GIB = 2**30
FREE_BODY = Path(__file__).parents[2] / "assets/body/anny_body_smplx_layout.npz"


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    write_weights(path, PRESETS["tiny"], random_model("tiny", 0).model.state_dict(), "0" * 64)
    return path


def test_converted_weights_load_and_are_named(converted):
    check = doctor.check_weights(str(converted))
    assert check.status == Status.OK
    assert check.detail.startswith("tiny from tiny.safetensors, sha256 ")


def test_no_weights_is_a_warning_since_random_ones_run():
    check = doctor.check_weights(None)
    assert check.status == Status.WARNING
    assert "docs/licences.md" in check.remedy


def test_weights_that_are_not_there(tmp_path):
    check = doctor.check_weights(str(tmp_path / "no.safetensors"))
    assert check.status == Status.MISSING
    assert "no.safetensors: no such file" in check.detail


def test_a_pickle_is_sent_to_convert_weights(tmp_path):
    path = tmp_path / "human3r_896L.pth"
    path.write_bytes(pickle.dumps({"model": {}}))
    check = doctor.check_weights(str(path))
    assert check.status == Status.MISSING
    assert "is a pickle" in check.detail
    assert "h3r convert-weights" in check.remedy


def test_truncated_weights_are_missing(tmp_path, converted):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(converted.read_bytes()[:1000])
    assert doctor.check_weights(str(path)).status == Status.MISSING


def test_remote_weights_are_looked_up_and_not_fetched():
    store = doctor.Store("memory://doctor")
    store.write("a.safetensors", b"x")
    assert doctor.check_weights("memory://doctor/a.safetensors").status == Status.OK
    assert doctor.check_weights("memory://doctor/b.safetensors").status == Status.MISSING


def test_the_bundled_body_is_a_body_model():
    check = doctor.check_body_model(str(FREE_BODY))
    assert check.status == Status.OK
    assert check.detail.startswith("anny_body_smplx_layout.npz, sha256 ")


@pytest.mark.parametrize(("source", "status"), [(None, Status.WARNING), (__file__, Status.MISSING)])
def test_no_body_model_and_a_wrong_one(source, status):
    assert doctor.check_body_model(source).status == status


def test_out_can_be_written_and_nothing_is_left(tmp_path):
    assert doctor.check_output(str(tmp_path / "labels")).status == Status.OK
    assert list((tmp_path / "labels").iterdir()) == []


def test_out_that_ignores_conditions_is_warned_of(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "Store", CarelessStore)
    check = doctor.check_output(str(tmp_path / "labels"))
    assert (check.status, check.detail[-28:]) == (Status.WARNING, "; ignores conditional writes")
    assert "one job at a time" in check.remedy
    assert list((tmp_path / "labels").iterdir()) == []


def test_out_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    check = doctor.check_output(str(tmp_path / "file" / "labels"))
    assert check.status == Status.MISSING
    assert "labels" in check.detail


def test_out_of_an_unknown_kind():
    assert doctor.check_output("nosuch://bucket/labels").status == Status.MISSING


def test_a_package_that_is_not_installed():
    assert doctor.check_package("no-such-package", "pip install it") == Check(
        "no-such-package", Status.MISSING, "not installed", "pip install it"
    )


def test_a_library_that_is_installed_and_does_not_load(tmp_path, monkeypatch):
    (tmp_path / "broken_door.py").write_text("raise OSError('libavcodec.so.62: cannot open')")
    monkeypatch.syspath_prepend(str(tmp_path))
    check = doctor.check_door("av", "broken_door")
    assert check.status == Status.MISSING
    assert "libavcodec.so.62" in check.detail
    assert "requirements.lock" in check.remedy
    assert "broken_door" not in sys.modules


def test_a_library_that_loads():
    assert doctor.check_door("av", "pipeline.av_io").status == Status.OK


@pytest.mark.parametrize(
    ("gpus", "has_driver", "status", "said"),
    [
        (
            [Gpu("NVIDIA H200", 100 * GIB, 140 * GIB)],
            True,
            Status.OK,
            "100.0 GiB of 140.0 GiB free",
        ),
        ([], True, Status.WARNING, "torch sees no device"),
        ([], False, Status.WARNING, "on the CPU"),
    ],
)
def test_gpus(gpus, has_driver, status, said):
    check = doctor.check_gpus(gpus, has_driver=has_driver)
    assert check.status == status
    assert said in check.detail


@pytest.mark.parametrize(
    ("free_gib", "status", "detail"),
    [
        (16, Status.OK, "tiny, 896L in 16.0 GiB (estimate, one worker)"),
        (8, Status.WARNING, "tiny in 8.0 GiB (estimate, one worker)"),
        (1, Status.MISSING, "none in 1.0 GiB (estimate, one worker)"),
    ],
)
def test_presets_that_fit(free_gib, status, detail):
    check = doctor.check_presets({"tiny": 2 * GIB, "896L": 12 * GIB}, free_gib * GIB)
    assert (check.status, check.detail) == (status, detail)


@pytest.mark.parametrize(("free_gib", "status"), [(1, Status.WARNING), (2, Status.OK)])
def test_memory(free_gib, status):
    assert doctor.check_memory(free_gib * GIB, "container").status == status


@pytest.mark.parametrize(("num_cores", "status"), [(1, Status.WARNING), (2, Status.OK)])
def test_cores(num_cores, status):
    assert doctor.check_cores(num_cores).status == status


def test_disk_says_what_is_free(tmp_path):
    free = shutil.disk_usage(tmp_path).free / GIB
    assert float(doctor.check_disk(tmp_path).detail.split()[0]) == pytest.approx(free, abs=1)


def test_only_what_is_missing_keeps_annotate_from_running():
    well, poor = Check("a", Status.OK, ""), Check("b", Status.WARNING, "", "mend")
    assert can_annotate([well, poor])
    assert not can_annotate([well, Check("c", Status.MISSING, "", "mend")])


def test_the_whole_examination_names_everything_once(tmp_path):
    checks = doctor.examine(None, None, str(tmp_path))
    names = {check.name for check in checks}
    hardware = {"cores", "gpu", "memory", "disk", "presets"}
    software = {"python", "h3r", "torch", "ray", "av"}
    assert names == hardware | software | {"weights", "body model", "out"}
    assert len(checks) == len(names)
    assert all(check.remedy for check in checks if check.status != Status.OK)
