from dataclasses import replace

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.av_io.reader import RgbConverter
from synth import filming
from synth.clip_truth import TruthRecorder
from synth.filming import film_video, make_shot
from synth.render import render_shot
from synth.sampling import BORDER_SHARE
from synth.video_spec import draw_video
from tests.conftest import FREE_BODY
from tests.synth.small_corpus import SPEC


def decoded(path):
    with av.open(str(path)) as video:
        return list(video.decode(video=0))


def spec_of(variant):
    return draw_video(SPEC, SPEC.variants.index(variant))


@pytest.mark.parametrize("variant", ["plain", "vfr", "cuts", "long"])
def test_times_in_the_file_are_the_truths(small_corpus, variant):
    video = spec_of(variant)
    frames = decoded(small_corpus.path / "videos" / video.uri)
    times_s = np.array([float(frame.pts * frame.time_base) for frame in frames])
    assert times_s - times_s[0] == pytest.approx(video.times_s)
    rows = {row["frame_index"]: row["time_s"] for row in small_corpus.rows("frames", video.uri)}
    assert [rows[index] for index in range(len(frames))] == pytest.approx(times_s - times_s[0])


def test_the_video_shows_what_was_rendered(small_corpus, free_body):
    video = spec_of("cuts")
    frames = decoded(small_corpus.path / "videos" / video.uri)
    convert = RgbConverter().convert
    for shot in video.shots:
        rendered = render_shot(make_shot(video, shot, free_body), free_body)
        for index, frame in enumerate(rendered, start=shot.start_frame):
            shown = convert(frames[index]).astype(float)
            assert np.abs(shown - frame.rgb).mean() < 12  # compressed; another frame is 30 away
    before, after = video.cuts[0] - 1, video.cuts[0]
    assert np.abs(convert(frames[before]).astype(float) - convert(frames[after])).mean() > 30


def test_videos_are_h264_with_even_sides_of_the_sizes_asked_for(small_corpus):
    for variant in SPEC.variants:
        video = spec_of(variant)
        with av.open(str(small_corpus.path / "videos" / video.uri)) as file:
            codec = file.streams.video[0].codec_context
            assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
            assert (codec.width, codec.height) == (video.width, video.height)


@pytest.mark.parametrize("variant", SPEC.variants)
def test_everybody_whose_head_is_in_the_picture_is_labelled_or_hidden(
    small_corpus, free_body, variant
):
    video = spec_of(variant)
    hidden = pq.read_table(small_corpus.path / "truth/hidden.parquet").to_pylist()
    rows = [row for row in small_corpus.rows("people", video.uri) if not row["is_seam"]]
    rows += [row for row in hidden if row["uri"] == video.uri]
    found = sorted((row["frame_index"], *row["head_px"]) for row in rows)
    expected = sorted(
        (shot.start_frame + index, *head_px)
        for shot in video.shots
        for index, frame in enumerate(render_shot(make_shot(video, shot, free_body), free_body))
        for head_px in frame.people.head_px
    )
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-3)


def test_somebody_in_a_border_video_is_at_the_pictures_border(small_corpus):
    video = spec_of("border")
    middle = len(video.pts) // 2
    rows = small_corpus.rows("people", video.uri)
    x = np.array([row["head_px"][0] for row in rows if row["frame_index"] == middle])
    off_middle = np.abs(x - (video.width - 1) / 2) / (video.width / 2)
    assert off_middle.max() == pytest.approx(BORDER_SHARE, abs=1e-3)
    assert any(row["is_truncated"] for row in rows)


def test_shots_have_the_place_and_the_camera_of_their_specs(free_body):
    video = spec_of("plain")
    for place, camera in (("room", "static"), ("street", "pan")):
        shot = make_shot(video, replace(video.shots[0], place=place, camera=camera), free_body)
        assert any(box.is_room for box in shot.place.boxes) == (place == "room")
        poses = shot.camera.world_from_camera
        assert np.ptp(poses[:, :3, 3], axis=0).max() == 0
        assert (np.ptp(poses[:, :3, :3], axis=0).max() > 0) == (camera == "pan")


def test_clips_are_staged_when_they_end(free_body, monkeypatch, tmp_path):
    """An hour is many clips, whose depth and masks would not all fit into memory."""
    alive, most = 0, 0

    class Counted(TruthRecorder):
        def __init__(self, *size):
            nonlocal alive, most
            super().__init__(*size)
            alive += 1
            most = max(most, alive)

        def finish(self):
            nonlocal alive
            alive -= 1
            return super().finish()

    monkeypatch.setattr(filming, "TruthRecorder", Counted)
    film_video(str(tmp_path), str(FREE_BODY), replace(SPEC, num_frames=20), 0)
    assert (alive, most) == (0, 2)
    assert len(list((tmp_path / "staged").rglob("*.npz"))) == 4  # [0, 6) [5, 11) [10, 16) [15, 20)


def test_compression_is_the_videos_own(free_body, monkeypatch, tmp_path):
    sizes = []
    for crf in (16, 30):
        video = replace(spec_of("plain"), crf=crf)
        monkeypatch.setattr(filming, "draw_video", lambda spec, index, video=video: video)
        film_video(str(tmp_path / str(crf)), str(FREE_BODY), SPEC, 0)
        sizes.append((tmp_path / str(crf) / "videos" / video.uri).stat().st_size)
    assert sizes[0] > 2 * sizes[1]


def test_hidden_people_of_a_frame_that_two_clips_share_are_told_of_once(
    free_body, monkeypatch, tmp_path
):
    told = []

    def hidden_rows(uri, first_frame, *_, has_seam):
        told.append((first_frame, has_seam))
        return []

    monkeypatch.setattr(filming, "hidden_rows", hidden_rows)
    film_video(str(tmp_path), str(FREE_BODY), SPEC, SPEC.variants.index("long"))
    assert told == [(0, False), (5, True), (10, True)]
