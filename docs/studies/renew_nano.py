"""Begins the camera of nano weights anew, to train on from there.

Run: python docs/studies/renew_nano.py OLD NEW
     python -m jobs.train_nano OUT --start-from NEW

The pose head in assets/nano answers nothing any more (docs/nano.md), so that nothing below it
learns: it, the pose memory and the first pose token are random again; all else stays.
"""

import hashlib
import sys
from pathlib import Path

from safetensors.torch import load_file

from human3r_model.config import PRESETS
from human3r_model.random_weights import random_model
from human3r_model.weights import write_weights

CONFIG = PRESETS["nano"]
RENEWED = ("pose_token", "pose_retriever.", "downstream_head.pose_head.")


def main() -> None:
    """Read OLD, write NEW."""
    old, new = map(Path, sys.argv[1:3])
    tensors = dict(random_model(CONFIG.name).model.state_dict())
    kept = {name: value for name, value in load_file(old).items() if not name.startswith(RENEWED)}
    tensors |= {name: value.float() for name, value in kept.items()}
    write_weights(new, CONFIG, tensors, source_sha256=hashlib.sha256(old.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
