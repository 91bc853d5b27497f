"""A teacher's aid: which point of a body each pixel shows; thrown away after training.

Which way somebody faces is one answer a person; which side of a body is seen is one answer a pixel,
and whoever knows that knows the former (dense correspondences: DensePose, arXiv 1802.00434).
Letters: F frames, L patches of a grid, S samples a patch a side, C channels, H and W pixels.
"""

from torch import Tensor, nn

from training.joint_maps import Grid

SPREAD_M = (0.2, 0.35, 0.08)
"""How far the points of a body at rest are from its middle, left, up and forward, roughly."""


class SurfaceMap(nn.Module):
    """For samples of every patch: the point of the body seen there, on the body at rest."""

    def __init__(self, dim: int, samples: int) -> None:
        """Build it for tokens of `dim` channels, with `samples` a side of a patch."""
        super().__init__()
        self.samples = samples
        self.point = nn.Linear(dim, samples * samples * 3)

    def loss(self, tokens: Tensor, grid: Grid, person: Tensor, surface: Tensor) -> Tensor:
        """Mean distance of a coordinate from where it is, in its spread, where a person is seen.

        Args:
            tokens: [F, L, C] patches, row-major.
            grid: How they lie on the picture.
            person: [F, H, W] 0 where nobody is seen.
            surface: [F, H, W, 3] centimetres from the pelvis.
        """
        rows, columns = grid.sample_px(self.samples, tokens.device)
        height, width = person.shape[1:]
        is_in = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
        rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
        is_body = (person[:, rows[:, None], columns] > 0) & is_in
        guess = self.point(tokens).unflatten(-1, (self.samples, self.samples, 3))
        guess = guess.unflatten(1, (grid.rows, grid.columns)).transpose(2, 3)
        guess = guess.flatten(3, 4).flatten(1, 2)  # as a picture, 3 channels last
        truth = surface[:, rows[:, None], columns][is_body] / (100 * guess.new_tensor(SPREAD_M))
        return (guess[is_body] - truth).abs().sum() / max(truth.numel(), 1)
