"""Whom labels miss, and how far orientations and distances are off: the figures of docs/nano.md.

Run: python docs/studies/nano_misses.py PRED TRUTH
"""

import itertools
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from evaluation.dataset import Dataset
from evaluation.detection import PATCH_MODEL_PX, assign, head_distances
from pipeline.storage import Store

DISTANCES_M = (0, 2, 3, 4, 5, 6, 100)
PATCHES = (0, 1, 2, 4, np.inf)


@dataclass(frozen=True)
class Compared:
    """N true people, M of whom were found in V videos.

    Attributes:
        found: [N] whether they were.
        distance_m: [N] of their heads.
        patches: [N] to the next head.
        degrees: [M] between their orientations.
        log_ratios: V arrays, of each video's people found: said over true distance of the head.
    """

    found: NDArray[np.bool_]
    distance_m: NDArray[np.float64]
    patches: NDArray[np.float64]
    degrees: NDArray[np.float64]
    log_ratios: list[NDArray[np.float64]]


def compare(pred: Dataset, truth: Dataset) -> Compared:
    """Pair the people of each frame as `h3r evaluate` does."""
    found, distance, nearest, turned, log_ratios = [], [], [], [], []
    for uri, entries in truth.clips.items():
        (entry,), (other,) = entries, pred.clips[uri]
        true, said = truth.read_clip(entry).people, pred.read_clip(other).people
        ratios = [np.zeros(0)]
        radius_px = PATCH_MODEL_PX * other.source_px_per_model_px
        for frame in np.unique(true.frame):
            rows, guesses = np.flatnonzero(true.frame == frame), np.flatnonzero(said.frame == frame)
            heads = true.head_px[rows]
            pairs = assign(head_distances(said.head_px[guesses], heads, radius_px))
            found += np.isin(np.arange(len(rows)), pairs[1]).tolist()
            distance += true.head_position[rows, 2].tolist()
            apart = np.abs(heads[:, None] - heads).max(axis=-1) + np.diag(np.full(len(rows), 1e9))
            nearest += (apart.min(axis=1) / radius_px).tolist()
            sides = ((said, guesses[pairs[0]]), (true, rows[pairs[1]]))
            said_turn, true_turn = (
                Rotation.from_rotvec(side.axis_angle[places, 0]) for side, places in sides
            )
            turned += np.degrees((said_turn.inv() * true_turn).magnitude()).tolist()
            said_m, true_m = (side.head_position[places, 2] for side, places in sides)
            ratios.append(np.log(said_m / true_m))
        log_ratios.append(np.concatenate(ratios))
    return Compared(
        np.array(found), np.array(distance), np.array(nearest), np.array(turned), log_ratios
    )


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
    people = compare(pred, truth)
    found, degrees = people.found, people.degrees
    near = people.distance_m < 4
    print(f"nearer than 4 m: {found[near].mean():.3f} of {near.sum()} found")
    show("metres from the camera", people.distance_m, DISTANCES_M, found)
    show("patches to the next head", people.patches, PATCHES, found)
    beyond = (degrees > 90).mean()
    print(f"orientation: median {np.median(degrees):.1f} degrees, {beyond:.2f} beyond 90")
    ratio = np.exp(np.median(np.concatenate(people.log_ratios)))
    of_videos = [np.median(ratios) for ratios in people.log_ratios if len(ratios)]
    print(f"said over true distance: median {ratio:.3f}")
    print(f"the logarithm of a video's median: standard deviation {np.std(of_videos):.3f}")


if __name__ == "__main__":
    main()
