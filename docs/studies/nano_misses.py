"""Whom labels miss, and how far their orientations are off: the figures of docs/nano.md.

Run: python docs/studies/nano_misses.py PRED TRUTH
"""

import itertools
import sys

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from evaluation.dataset import Dataset
from evaluation.detection import PATCH_MODEL_PX, assign, head_distances
from pipeline.storage import Store

DISTANCES_M = (0, 2, 3, 4, 5, 6, 100)
PATCHES = (0, 1, 2, 4, np.inf)


def compare(
    pred: Dataset, truth: Dataset
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Whether each true person was found, how far away they are, how near the next head is.

    Returns:
        [N] found; [N] metres; [N] patches to the next head; [M] degrees of those found.
    """
    found, distance, nearest, turned = [], [], [], []
    for uri, entries in truth.clips.items():
        (entry,), (other,) = entries, pred.clips[uri]
        true, said = truth.read_clip(entry).people, pred.read_clip(other).people
        radius_px = PATCH_MODEL_PX * other.source_px_per_model_px
        for frame in np.unique(true.frame):
            rows, guesses = np.flatnonzero(true.frame == frame), np.flatnonzero(said.frame == frame)
            heads = true.head_px[rows]
            pairs = assign(head_distances(said.head_px[guesses], heads, radius_px))
            found += np.isin(np.arange(len(rows)), pairs[1]).tolist()
            distance += true.head_position[rows, 2].tolist()
            apart = np.abs(heads[:, None] - heads).max(axis=-1) + np.diag(np.full(len(rows), 1e9))
            nearest += (apart.min(axis=1) / radius_px).tolist()
            said_turn, true_turn = (
                Rotation.from_rotvec(side.axis_angle[places, 0])
                for side, places in ((said, guesses[pairs[0]]), (true, rows[pairs[1]]))
            )
            turned += np.degrees((said_turn.inv() * true_turn).magnitude()).tolist()
    return np.array(found), np.array(distance), np.array(nearest), np.array(turned)


def show(name: str, values: NDArray, edges: tuple[float, ...], found: NDArray[np.bool_]) -> None:
    """Recall in each range of a value."""
    print(name)
    for low, high in itertools.pairwise(edges):
        here = (values >= low) & (values < high)
        if here.any():
            print(f"  {low:g} to {high:g}: {found[here].mean():.3f} of {here.sum()} found")


def main() -> None:
    """Print everything."""
    pred, truth = (Dataset(Store(uri)) for uri in sys.argv[1:3])
    found, distance_m, patches, degrees = compare(pred, truth)
    near = distance_m < 4
    print(f"nearer than 4 m: {found[near].mean():.3f} of {near.sum()} found")
    show("metres from the camera", distance_m, DISTANCES_M, found)
    show("patches to the next head", patches, PATCHES, found)
    beyond = (degrees > 90).mean()
    print(f"orientation: median {np.median(degrees):.1f} degrees, {beyond:.2f} beyond 90")


if __name__ == "__main__":
    main()
