"""How much memory a worker needs: estimates, so that nobody starts what cannot fit.

Weights are counted exactly. The rest is the widest moment of the encoder: hidden activations of one
feed-forward layer, in float32, for every frame that is encoded at once. Encoding 288 x 512 pixels
with 896L on a CPU took 0.34 GiB above the weights for one frame and 0.64 for two: 5 such layers.

A decoder of H.264 in 4:2:0, with what turns its frames into RGB, took 39 MiB for 1080p and 129 MiB
for 2160p with one thread, up to 20 bytes a pixel, and 3 bytes more with every further thread.
"""

import torch

from human3r_model.config import ModelConfig
from human3r_model.model import Human3R
from pipeline.av_io.reader import THREAD_BYTES_PER_PIXEL, num_threads
from pipeline.config import SHARDS_AT_ONCE, WorkerConfig

BYTES_PER_VALUE = 4  # float32
ACTIVATIONS_PER_FRAME = 5  # in units of one hidden layer
DECODER_BYTES_PER_PIXEL = 20  # of a source picture; streams with many references take more
FULL_HD = (1920, 1080)
PROCESS_BYTES = 2**30  # Python, torch and Ray around the network


def count_parameters(config: ModelConfig) -> int:
    """Numbers in the network's state dict; built without memory, on torch's meta device."""
    with torch.device("meta"):
        model = Human3R(config)
    return sum(value.numel() for value in model.state_dict().values())


def decoder_bytes(width: int, height: int, num_decoders: int) -> int:
    """Bytes of main memory that decoding one video takes, about.

    Args:
        width: Of its picture, pixels.
        height: Likewise.
        num_decoders: At work side by side.
    """
    more_threads = num_threads(width, height, num_decoders) - 1
    per_pixel = DECODER_BYTES_PER_PIXEL + THREAD_BYTES_PER_PIXEL * more_threads
    return width * height * per_pixel


def estimate_decoders(worker: WorkerConfig) -> int:
    """Bytes of main memory that the decoders of one worker take with videos of 1080p."""
    decoders = worker.batch_clips * decoder_bytes(*FULL_HD, worker.batch_clips)
    return SHARDS_AT_ONCE * min(worker.decode_bytes, decoders)


def estimate_memory(config: ModelConfig, worker: WorkerConfig) -> int:
    """Bytes the network of one worker needs, on the GPU or in main memory.

    Args:
        config: The network's sizes.
        worker: How many frames it encodes at once.
    """
    hidden = config.dino_grid**2 * config.dino_dim * config.mlp_ratio  # values a frame
    num_frames = worker.batch_clips * worker.encode_frames
    activations = ACTIVATIONS_PER_FRAME * hidden * num_frames
    return PROCESS_BYTES + BYTES_PER_VALUE * (count_parameters(config) + activations)
