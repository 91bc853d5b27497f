"""Attention that skips padding, and the mean logit without the matrix."""

import torch

from human3r_model.encoder import EncoderAttention
from human3r_model.layers import Attention, DecoderBlock, StateBlock, attend, mean_logit
from human3r_model.rope import rotation


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_mean_logit_is_the_mean_of_the_matrix():
    q, k = random(2, 4, 5, 12), random(2, 4, 7, 12, seed=1)
    matrix = q @ k.transpose(-1, -2) / 12**0.5  # [B, H, N, K]
    torch.testing.assert_close(mean_logit(q, k, None), matrix.mean(dim=(1, 3)))


def test_mean_logit_leaves_padding_out():
    q, k = random(2, 4, 5, 12), random(2, 4, 7, 12, seed=1)
    mask = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    padded = mean_logit(q, k, mask)
    torch.testing.assert_close(padded[:1], mean_logit(q[:1], k[:1], None))
    torch.testing.assert_close(padded[1:], mean_logit(q[1:], k[1:, :, :4], None))


def test_attention_is_softmax_over_real_keys():
    q, k, v = random(1, 2, 3, 4), random(1, 2, 6, 4, seed=1), random(1, 2, 6, 4, seed=2)
    mask = torch.tensor([[True, True, False, True, False, True]])
    real = mask[0]
    weight = (q @ k[:, :, real].transpose(-1, -2) / 2).softmax(dim=-1)
    expected = (weight @ v[:, :, real]).transpose(1, 2).reshape(1, 3, 8)
    torch.testing.assert_close(attend(q, k, v, mask), expected)


def test_decoder_block_reads_the_same_with_and_without_its_logit():
    torch.manual_seed(0)
    block, plain = StateBlock(16, 2, 4, 1e-6), DecoderBlock(16, 2, 4, 1e-6)
    plain.load_state_dict(block.state_dict())
    x, y = random(1, 3, 16), random(1, 5, 16, seed=1)
    turn_x = rotation(torch.tensor([[[0, 0], [0, 1], [1, 0]]]), 8, 100.0, torch.float32)
    turn_y = rotation(torch.arange(10).view(1, 5, 2), 8, 100.0, torch.float32)
    updated, logit = block(x, y, turn_x, turn_y, None)
    torch.testing.assert_close(updated, plain(x, y, turn_x, turn_y))
    assert logit.shape == (1, 3)


def test_encoder_attention_rounds_queries_and_keys_to_half():
    torch.manual_seed(0)
    rounded, plain = EncoderAttention(16, 2), Attention(16, 2)
    plain.load_state_dict(rounded.state_dict())
    turn = rotation(torch.zeros(1, 4, 2), 8, 100.0, torch.float32)
    x = random(1, 4, 16)
    difference = (rounded(x, turn, None) - plain(x, turn, None)).abs().max()
    assert 1e-7 < difference < 1e-3
