"""Local maxima, thresholds and where a head falls in the picture."""

import pytest
import torch

from human3r_model.backbone import fit_square
from human3r_model.people import detect_people, score_people
from tests.human3r_model.reference import tiny_model


def detect(model, score_map, image_size_hw):
    """Detections of one frame with every token zero, so that offsets are the layer's biases."""
    height, width = image_size_hw
    dino_tokens = torch.zeros(1, 64, 48)
    image_tokens = torch.zeros(1, height * width // 256, 64)
    head = model.downstream_head
    return detect_people(head, model.config, score_map, dino_tokens, image_tokens, image_size_hw)


def test_only_local_maxima_keep_their_score():
    head = tiny_model(-1.0).downstream_head
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(1, 64, 48, generator=generator)
    kept = score_people(head, tokens, 8)[0]
    score = head.mlp_classif(tokens).sigmoid().view(8, 8)
    peaks = kept.nonzero().tolist()
    assert 0 < len(peaks) < 16
    for row, column in peaks:
        around = score[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        assert score[row, column] == around.max()
    torch.testing.assert_close(kept[kept > 0], score[kept > 0])


def test_equal_neighbours_are_both_maxima():
    head = tiny_model(-1.0).downstream_head
    kept = score_people(head, torch.zeros(1, 64, 48), 8)
    assert (kept > 0).all()


@pytest.mark.parametrize(
    ("size", "cell", "expected"),
    [
        # 112 padded pixels stand for 64 of the picture; 8 rows above and below are padding.
        ((48, 64), (4, 2), (20.0, 28.0)),
        ((64, 48), (4, 2), (12.0, 36.0)),
        ((64, 64), (4, 2), (20.0, 36.0)),
        ((48, 64), (0, 7), (60.0, 0.0)),  # in the padding: clamped into the picture
        ((48, 64), (7, 0), (4.0, 47.0)),
    ],
)
def test_head_in_the_picture(size, cell, expected):
    model = tiny_model(-1.0)
    score_map = torch.zeros(1, 8, 8)
    score_map[0, cell[0], cell[1]] = 0.9
    found = detect(model, score_map, size)
    offset = model.downstream_head.mlp_offset(torch.zeros(1, 48))[0]
    moved = (torch.tensor(expected) + offset * 8).tolist()  # 14 padded pixels are 8
    limits = (size[1] - 1, size[0] - 1)
    for axis in range(2):
        inside = min(max(moved[axis], 0), limits[axis])
        if expected[axis] in (0.0, limits[axis]):
            inside = expected[axis]
        assert found.head_px[0, axis].item() == pytest.approx(inside, abs=1e-4)
    column, row = (found.head_px[0] // 16).int().tolist()
    assert found.patch.tolist() == [[row, column]]


def test_threshold_is_inclusive_and_order_row_major():
    score_map = torch.zeros(2, 8, 8)
    score_map[0, 5, 1], score_map[0, 2, 6], score_map[0, 2, 3] = 0.3, 0.8, 0.29
    model = tiny_model(-1.0)
    tokens = torch.zeros(2, 64, 48)
    found = detect_people(
        model.downstream_head, model.config, score_map, tokens, torch.zeros(2, 12, 64), (48, 64)
    )
    assert found.frame_index.tolist() == [0, 0]
    assert found.score.tolist() == pytest.approx([0.8, 0.3])


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        ((48, 64), (14, 98), (0, 112)),
        ((64, 48), (0, 112), (14, 98)),
        ((48, 80), (22, 89), (0, 112)),
    ],
)
def test_picture_is_centred_in_the_square(size, rows, columns):
    square = fit_square(torch.ones(1, 3, *size), 112)[0, 0]
    white, padding = (1 - 0.485) / 0.229, -0.485 / 0.229  # ImageNet's mean and deviation of red
    is_white = (square - white).abs() < 1e-5
    assert is_white[rows[0] : rows[1], columns[0] : columns[1]].all()
    assert int(is_white.sum()) == (rows[1] - rows[0]) * (columns[1] - columns[0])
    assert torch.allclose(square[~is_white], torch.tensor(padding))
