import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.av_io.reader import RgbConverter
from synth.filming import make_shot
from synth.render import render_shot
from synth.video_spec import draw_video
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


def test_people_of_a_border_video_are_cut_by_the_picture(small_corpus):
    rows = small_corpus.rows("people", spec_of("border").uri)
    assert any(row["is_truncated"] for row in rows)
