import io
from dataclasses import fields

import av
import numpy as np
import pytest

from pipeline.depth import read_depth_object
from pipeline.labels import FrameLabels, PeopleLabels
from synth.clip_truth import from_bytes, to_bytes
from tests.synth.made_up import HEIGHT, WIDTH, record, rendered


def test_the_world_is_the_first_frames_camera():
    truth, _ = record(rendered(3, ()), rendered(5, ()))
    # The camera looks back: two metres along the renderer's x are -2 along its own.
    assert truth.labels.frames.world_from_camera.tolist() == [
        [0, 0, 0, 1, 0, 0, 0],
        [-2, 0, 0, 1, 0, 0, 0],
    ]


def test_the_picture_is_the_source_picture_with_its_principal_point_in_the_middle():
    truth, _ = record(rendered(0, ()))
    assert truth.labels.principal_px == (11.5, 7.5)
    assert truth.labels.geometry.source_from_model([3, 5]).tolist() == [3, 5]
    assert truth.labels.frames.focal_px.tolist() == [20]
    assert truth.times_s.tolist() == [4]


def test_a_tenth_of_a_person_is_too_little_for_a_row():
    truth, hidden = record(rendered(0, (1, 0.1, 0.11)), rendered(0, ()), rendered(0, (0, 1)))
    people = truth.labels.people
    assert people.frame.tolist() == [0, 0, 2]
    assert people.track_id.tolist() == [0, 2, 1]
    assert people.score.tolist() == [1, 1, 1]
    assert people.betas[:, 0].tolist() == [0, 2, 1]
    assert truth.visible_fraction == pytest.approx([1, 0.11, 1])
    assert (hidden.frame.tolist(), hidden.track_id.tolist()) == ([0, 2], [1, 0])


def test_depth_is_as_rendered_and_the_sky_has_none():
    truth, _ = record(rendered(0, ()), rendered(1, ()))
    depth = truth.labels.depth
    first, second = read_depth_object(depth.data, depth.sha256)
    assert first[1:] == pytest.approx(np.full((HEIGHT - 1, WIDTH), 2), rel=5e-4)
    assert second[1:] == pytest.approx(np.full((HEIGHT - 1, WIDTH), 3), rel=5e-4)
    assert np.isnan(first[0]).all()
    assert truth.labels.frames.depth_median_m.tolist() == [2, 3]


def test_masks_open_with_a_public_library_and_say_who_is_where():
    frames = [rendered(0, (1, 1)), rendered(0, (1, 1, 1))]
    truth, _ = record(*frames)
    with av.open(io.BytesIO(truth.masks)) as video:
        masks = [frame.to_ndarray() for frame in video.decode(video=0)]
        assert video.streams.video[0].codec_context.pix_fmt == "gray"
    assert np.array_equal(masks, [frame.person for frame in frames])


@pytest.mark.parametrize("people", [(), (1, 0.5)])
def test_bytes_and_back(people):
    truth, _ = record(rendered(0, people), rendered(1, people))
    back = from_bytes(to_bytes(truth))
    assert back.masks == truth.masks
    assert back.labels.depth == truth.labels.depth
    assert back.labels.principal_px == truth.labels.principal_px
    assert back.labels.geometry == truth.labels.geometry
    for name in ("times_s", "visible_fraction"):
        assert np.array_equal(getattr(back, name), getattr(truth, name))
    assert np.array_equal(back.labels.coarse_depth_m, truth.labels.coarse_depth_m, equal_nan=True)
    for group, kind in (("frames", FrameLabels), ("people", PeopleLabels)):
        for field in fields(kind):
            stored, kept = (getattr(getattr(t.labels, group), field.name) for t in (truth, back))
            assert stored.dtype == kept.dtype
            assert np.array_equal(stored, kept, equal_nan=stored.dtype.kind == "f")
