"""Clips side by side are as clips alone, and one clip's trouble is its own."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from human3r_model.preprocess import image_geometry
from human3r_model.random_weights import random_model
from pipeline import inference
from pipeline.config import LabelConfig, WorkerConfig
from pipeline.depth import read_depth_object
from pipeline.errors import AnnotateError, DecodeError
from pipeline.inference import ClipInput, annotate_clips
from pipeline.labels import ClipLabels, ModelFrame
from tests.fakes import FakeHuman3R
from tests.synthetic import draw_code

GEOMETRY = image_geometry(64, 48, 64)


def coded_clip(video, num_frames, lost=(), breaks_at=None, corrupt=()):
    """A clip of coded pictures; `lost` ones are not given, at `breaks_at` the decoder raises."""

    def frames() -> Iterator[ModelFrame]:
        for index in range(num_frames):
            if index == breaks_at:
                raise DecodeError(f"video {video} breaks at {index}")
            if index not in lost:
                yield ModelFrame(index, draw_code(64, 48, video, index), index in corrupt, 0.25)

    return ClipInput(f"clip {video}", GEOMETRY, np.arange(num_frames) / 25, frames)


def annotate(model, *clips, encode_frames=2, **labels):
    worker = WorkerConfig(encode_frames=encode_frames, prefetch_frames=2)
    return annotate_clips(model, clips, LabelConfig(**labels), worker)


def check_labels(labels: ClipLabels, video: int, frames: list[int]) -> None:
    """Every label of the fake network is that of the clip's own video and frame."""
    assert labels.frames.clip_frame.tolist() == frames
    positions = [[video, frame, step] for step, frame in enumerate(frames)]
    assert labels.frames.world_from_camera[:, :3].tolist() == positions
    assert labels.frames.focal_px == pytest.approx(np.full(len(frames), 40 + video), rel=1e-4)
    assert labels.frames.confidence.tolist() == [2 + frame for frame in frames]
    assert labels.principal_px == (32, 24)  # of 64 x 48
    depth_m = [2 + video + frame / 64 for frame in frames]
    assert labels.frames.depth_median_m == pytest.approx(depth_m)
    seen = [(f, p) for f in frames for p in range((video + f) % 3)]
    people = labels.people
    assert [frames[place] for place in people.frame] == [frame for frame, _ in seen]
    assert people.track_id.tolist() == [person for _, person in seen]
    assert people.betas[:, :3].tolist() == [[video, frame, person] for frame, person in seen]
    assert people.head_px.tolist() == [[video, person] for _, person in seen]


@pytest.mark.parametrize("encode_frames", [1, 2, 3, 8])
def test_every_label_is_of_its_own_clip_and_frame(encode_frames):
    lengths = {5: 1, 7: 6, 9: 3, 11: 6, 2: 2}
    model = FakeHuman3R()
    clips = [coded_clip(video, length) for video, length in lengths.items()]
    answers = annotate(model, *clips, encode_frames=encode_frames)
    for answer, (video, length) in zip(answers, lengths.items(), strict=True):
        check_labels(answer, video, list(range(length)))
        assert answer.num_lost == 0
    assert model.batch_sizes == [5, 4, 3, 2, 2, 2]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    lost=st.lists(st.lists(st.booleans(), min_size=1, max_size=7), min_size=1, max_size=6),
    encode_frames=st.integers(1, 5),
    order=st.randoms(use_true_random=False),
)
def test_labels_stay_with_their_clip_however_clips_are_mixed(lost, encode_frames, order):
    videos = order.sample(range(256), len(lost))
    clips = [
        coded_clip(video, len(frames), lost={f for f, is_lost in enumerate(frames) if is_lost})
        for video, frames in zip(videos, lost, strict=True)
    ]
    answers = annotate(FakeHuman3R(), *clips, encode_frames=encode_frames, depth=False)
    for answer, video, frames in zip(answers, videos, lost, strict=True):
        kept = [frame for frame, is_lost in enumerate(frames) if not is_lost]
        if kept:
            check_labels(answer, video, kept)
        else:
            assert isinstance(answer, DecodeError)


def test_a_batch_is_as_its_clips_alone():
    model = random_model("tiny").model
    random = np.random.default_rng(3)
    videos = [
        random.integers(0, 256, (num_frames, 48, 64, 3), dtype=np.uint8) for num_frames in (3, 1, 2)
    ]
    clips = [
        ClipInput(
            str(number),
            GEOMETRY,
            np.arange(len(frames)) / 25,
            lambda frames=frames: (ModelFrame(i, rgb, False, 0.0) for i, rgb in enumerate(frames)),
        )
        for number, frames in enumerate(videos)
    ]
    together = annotate(model, *clips)
    alone = [annotate(model, clip)[0] for clip in clips]
    assert len({len(labels.people.frame) for labels in alone}) > 1
    for ours, theirs in zip(together, alone, strict=True):
        for part in ("frames", "people"):
            for name, expected in vars(getattr(theirs, part)).items():
                found = getattr(getattr(ours, part), name)
                if np.issubdtype(found.dtype, np.floating):
                    # Pixels are held to the picture's width: of a wall of noise, which allows no
                    # focal length, the estimate is a small difference of large sums.
                    unit = 64 if name in ("focal_px", "head_px") else 1
                    np.testing.assert_allclose(found, expected, atol=1e-5 * unit, rtol=1e-5)
                else:
                    assert found.tolist() == expected.tolist()
        np.testing.assert_allclose(ours.coarse_depth_m, theirs.coarse_depth_m, rtol=1e-5)


def test_labels_say_what_was_lost_and_what_was_corrupt():
    (labels,) = annotate(FakeHuman3R(), coded_clip(4, 6, lost={0, 3}, corrupt={2}))
    check_labels(labels, 4, [1, 2, 4, 5])
    assert labels.num_lost == 2
    assert labels.frames.is_corrupt.tolist() == [False, True, False, False]
    assert labels.decode_s == 4 * 0.25


def test_depth_is_that_of_the_clip_with_holes_in_time_only():
    (labels,) = annotate(FakeHuman3R(), coded_clip(4, 5, lost={1}))
    pictures = list(read_depth_object(labels.depth.data, labels.depth.sha256))
    assert [picture.shape for picture in pictures] == [(48, 64)] * 4
    for picture, frame in zip(pictures, [0, 2, 3, 4], strict=True):
        assert picture == pytest.approx(np.full((48, 64), 6 + frame / 64), rel=5e-4)


@pytest.mark.parametrize("is_on", [True, False])
def test_configuration_reaches_the_network(is_on):
    (labels,) = annotate(FakeHuman3R(), coded_clip(1, 2), ttt3r=is_on, depth=is_on)
    assert labels.people.expression[:, 0].tolist() == [is_on] * 3
    assert (labels.depth is not None) == is_on
    assert labels.coarse_depth_m.shape == (2, 12, 16)


def test_nobody_in_some_frames_and_nobody_at_all():
    model = FakeHuman3R(num_people=lambda video, frame: (frame == 1) * video)
    some, none = annotate(model, coded_clip(2, 3), coded_clip(0, 3))
    assert some.people.frame.tolist() == [1, 1]
    assert none.people.frame.tolist() == []
    assert none.people.rotations.shape == (0, 53, 3, 3)
    assert none.frames.clip_frame.tolist() == [0, 1, 2]


@pytest.mark.parametrize("breaks_at", [0, 1, 2, 3])
def test_a_decoder_that_raises_ends_its_clip_alone(breaks_at):
    first, broken, last = annotate(
        FakeHuman3R(), coded_clip(4, 5), coded_clip(5, 6, breaks_at=breaks_at), coded_clip(6, 3)
    )
    check_labels(first, 4, [0, 1, 2, 3, 4])
    check_labels(last, 6, [0, 1, 2])
    assert isinstance(broken, DecodeError)
    assert str(broken) == f"video 5 breaks at {breaks_at}"


def test_a_clip_whose_frames_are_all_lost_fails():
    lost, good = annotate(FakeHuman3R(), coded_clip(4, 3, lost={0, 1, 2}), coded_clip(5, 1))
    assert isinstance(lost, DecodeError)
    assert str(lost) == "none of the 3 frames could be decoded"
    check_labels(good, 5, [0])


def test_a_camera_that_is_not_finite_ends_its_clip_alone():
    model = FakeHuman3R(nan_camera_at={(5, 2)})
    first, broken, last = annotate(model, coded_clip(4, 5), coded_clip(5, 4), coded_clip(6, 3))
    check_labels(first, 4, [0, 1, 2, 3, 4])
    check_labels(last, 6, [0, 1, 2])
    assert isinstance(broken, AnnotateError)
    assert "frame 2 of the clip: the network's camera is not finite" in str(broken)
    assert len(model.batch_sizes) == 5  # frames of the longest: no batch was run again


def test_a_batch_that_breaks_is_run_clip_by_clip_and_the_right_clip_is_blamed():
    model = FakeHuman3R(breaks_at={(5, 1)})
    first, broken, last = annotate(model, coded_clip(4, 3), coded_clip(5, 3), coded_clip(6, 2))
    check_labels(first, 4, [0, 1, 2])
    check_labels(last, 6, [0, 1])
    assert isinstance(broken, RuntimeError)
    assert str(broken) == "cannot take (5, 1)"


@pytest.mark.parametrize(
    ("most_frames", "counts"),
    [(10, [0] * 5), (9, [1] * 5), (4, [1, 1, 2, 2, 2]), (2, [2, 2, 2, 3, 3]), (1, [3, 3, 3, 4, 4])],
)
def test_a_batch_too_large_for_the_memory_is_halved_and_counted(most_frames, counts):
    """Two frames of each of five clips are encoded at once."""
    model = FakeHuman3R(most_frames=most_frames)
    answers = annotate(model, *(coded_clip(video, 3) for video in range(1, 6)))
    for video, labels in enumerate(answers, 1):
        check_labels(labels, video, [0, 1, 2])
    assert [labels.num_out_of_memory for labels in answers] == counts


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_memory_that_is_not_torchs_own_runs_out_likewise(error):
    answers = annotate(
        FakeHuman3R(most_frames=4, out_of_memory=error), *(coded_clip(v, 3) for v in (1, 2, 3))
    )
    for video, labels in enumerate(answers, 1):
        check_labels(labels, video, [0, 1, 2])
    assert [labels.num_out_of_memory for labels in answers] == [1, 1, 1]


@pytest.mark.parametrize("num_clips", [1, 2])
def test_a_lost_device_that_another_library_notices_is_no_clips_fault(monkeypatch, num_clips):
    def synchronize():
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr("torch.cuda.is_initialized", lambda: True)
    monkeypatch.setattr("torch.cuda.synchronize", synchronize)
    with pytest.raises(torch.AcceleratorError, match="illegal memory access"):
        annotate(FakeHuman3R(breaks_at={(1, 1)}), *[coded_clip(1, 3)] * num_clips)


def test_what_cannot_be_compiled_is_no_clips_fault(monkeypatch):
    from torch._dynamo.exc import TorchDynamoException

    def encode(network, frames, heads):
        raise TorchDynamoException("no space left on device")

    monkeypatch.setattr(FakeHuman3R, "encode", encode)
    with pytest.raises(TorchDynamoException, match="no space left"):
        annotate(FakeHuman3R(), coded_clip(1, 3), coded_clip(2, 3))


def test_an_error_keeps_nothing_of_the_network():
    (answer,) = annotate(FakeHuman3R(breaks_at={(1, 1)}), coded_clip(1, 3))
    assert isinstance(answer, RuntimeError)
    assert answer.__traceback__ is None


def test_a_clip_too_large_alone_fails_and_says_so():
    answers = annotate(FakeHuman3R(most_frames=0), coded_clip(1, 3), coded_clip(2, 3))
    assert [type(answer) for answer in answers] == [torch.OutOfMemoryError] * 2


def test_a_person_that_is_not_finite_stays_beside_the_others():
    (labels,) = annotate(FakeHuman3R(nan_betas_at={(1, 1)}), coded_clip(1, 3))
    assert np.isnan(labels.people.betas).any(axis=1).tolist() == [False, True, False]
    assert labels.people.track_id.tolist() == [0, 0, 1]


def test_times_of_a_batch_are_shared_out():
    answers = annotate(FakeHuman3R(), coded_clip(4, 2), coded_clip(5, 2))
    assert answers[0].network_s == answers[1].network_s > 0


def test_waiting_for_slow_recorders_is_not_the_networks_time(monkeypatch):
    now_s = 0.0
    finish = inference._Recording._finish_oldest

    def finish_slowly(recording):
        nonlocal now_s
        now_s += 10
        finish(recording)

    monkeypatch.setattr(inference, "time", SimpleNamespace(perf_counter=lambda: now_s))
    monkeypatch.setattr(inference._Recording, "_finish_oldest", finish_slowly)
    (labels,) = annotate(FakeHuman3R(), coded_clip(1, 12))
    assert (now_s, labels.network_s) == (120, 0)
