"""Run the network over clips of one picture size, side by side; one clip's trouble is its own.

Frames are pulled from each clip as they are needed, encoded a few at a time over all clips, and
stepped through the recurrence together. What was predicted is recorded in threads of their own,
while the network is at the next frames. Knows no tables, no stores, no Ray.
"""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from human3r_model.geometry import estimate_focal_px
from human3r_model.model import Human3R
from human3r_model.preprocess import ImageGeometry
from human3r_model.values import HeadSelection, People, Prediction
from pipeline.config import LabelConfig, WorkerConfig
from pipeline.device_errors import check_device, is_out_of_memory
from pipeline.errors import DecodeError
from pipeline.labels import ClipLabels, ModelFrame
from pipeline.machine import count_cores
from pipeline.prefetch import Prefetch
from pipeline.recorder import ClipRecorder

STEPS_BEHIND = 4  # that recording may be; the predictions of so many steps are in memory
CORES_A_RECORDER = 2
"""A frame's depth takes some milliseconds of one core; a GPU gives hundreds of frames a second."""


@dataclass(frozen=True)
class ClipInput:
    """One clip to run.

    Attributes:
        clip_id: Its identity, for messages.
        geometry: The same network picture for all clips of a call.
        times_s: [T] presentation times of the sampled frames.
        open_frames: Starts decoding; gives the frames that could be decoded, in order.
    """

    clip_id: str
    geometry: ImageGeometry
    times_s: NDArray[np.float64]
    open_frames: Callable[[], Iterator[ModelFrame]]


def annotate_clips(
    model: Human3R,
    inputs: Sequence[ClipInput],
    labels: LabelConfig,
    worker: WorkerConfig,
    turn: AbstractContextManager | None = None,
) -> list[ClipLabels | Exception]:
    """Annotate clips together.

    Args:
        model: The network, in evaluation mode.
        inputs: Clips of one network picture size.
        labels: How the network is run.
        worker: How much is done at once.
        turn: Held while the network runs; decoding begins before. None where nobody else waits.

    Returns:
        For each clip, in order, its labels or the error that stopped it. When the batch as a whole
        fails, each clip is run once more, alone, so that the error is the right clip's. A batch too
        large for the device is run in halves, and a clip too large alone with fewer frames encoded
        at once.

    Raises:
        torch.AcceleratorError: The device can no longer be used by this process. It says nothing of
            the clips.
        torch._dynamo.exc.TorchDynamoException: The network cannot be compiled; likewise.
    """
    lanes = [_Lane(number, clip, labels, worker) for number, clip in enumerate(inputs)]
    try:
        with torch.inference_mode(), _Recording() as recording, turn or nullcontext():
            _run(model, lanes, labels, worker, recording)
        return [lane.result() for lane in lanes]
    except Exception as error:
        is_too_large = is_out_of_memory(error)
        if not is_too_large:
            check_device(error)
        if len(inputs) == 1 and not (is_too_large and worker.encode_frames > 1):
            return [error.with_traceback(None)]  # its frames hold what is on the device
    finally:
        for lane in lanes:
            lane.close()
    if is_too_large:
        return _annotate_less_at_once(model, inputs, labels, worker, turn)
    return [annotate_clips(model, [clip], labels, worker, turn)[0] for clip in inputs]


def _annotate_less_at_once(
    model: Human3R,
    inputs: Sequence[ClipInput],
    labels: LabelConfig,
    worker: WorkerConfig,
    turn: AbstractContextManager | None,
) -> list[ClipLabels | Exception]:
    """`annotate_clips` after the device's memory was used up; counted in the labels."""
    torch.cuda.empty_cache()
    middle = len(inputs) // 2
    if middle:
        answers = [
            answer
            for part in (inputs[:middle], inputs[middle:])
            for answer in annotate_clips(model, part, labels, worker, turn)
        ]
    else:
        fewer = replace(worker, encode_frames=worker.encode_frames // 2)
        answers = annotate_clips(model, inputs, labels, fewer, turn)
    return [
        replace(answer, num_out_of_memory=answer.num_out_of_memory + 1)
        if isinstance(answer, ClipLabels)
        else answer
        for answer in answers
    ]


class _Lane:
    """One clip on its way: its frames, decoded ahead, and what was recorded so far."""

    def __init__(
        self, number: int, clip: ClipInput, labels: LabelConfig, worker: WorkerConfig
    ) -> None:
        self.number = number
        self.clip = clip
        self.error: Exception | None = None
        # The network's principal point, as `estimate_focal_px` takes it too.
        principal_px = (clip.geometry.width // 2, clip.geometry.height // 2)
        self.recorder = ClipRecorder(clip.geometry, principal_px, has_depth=labels.depth)
        self._frames = Prefetch(clip.open_frames(), worker.prefetch_frames)

    def take(self, num_frames: int) -> list[ModelFrame]:
        """The next frames, fewer at the clip's end; a decoder's error ends the clip."""
        try:
            return list(itertools.islice(self._frames, num_frames))
        except Exception as error:
            self.error = error.with_traceback(None)
            return []

    def result(self) -> ClipLabels | Exception:
        """The clip's labels, or its error."""
        num_sampled = len(self.clip.times_s)
        if self.error is None and not self.recorder.num_frames:
            self.error = DecodeError(f"none of the {num_sampled} frames could be decoded")
        if self.error is not None:
            return self.error
        return self.recorder.finish(num_lost=num_sampled - self.recorder.num_frames)

    def close(self) -> None:
        """Stop decoding."""
        self._frames.__exit__()


@dataclass(frozen=True)
class _Step:
    """One step's prediction on its way to main memory: B clips, P people over all of them.

    Attributes:
        camera_pose: [B, 7]
        focal_px: [B]
        confidence: [B]
        depth_m: [B, H, W]
        clip_index: [P] the clip of each person.
        people: [P, ...] the fields of `PeopleLabels` but `frame`.
        arrival: After which the values are there; None where they are already.
    """

    camera_pose: NDArray[np.float32]
    focal_px: NDArray[np.float32]
    confidence: NDArray[np.float32]
    depth_m: NDArray[np.float32]
    clip_index: NDArray[np.int64]
    people: dict[str, NDArray]
    arrival: torch.cuda.Event | None


class _Recording:
    """Hands steps to the lanes' recorders, in order, in threads that are a few steps behind."""

    def __init__(self) -> None:
        num_threads = max(1, count_cores() // CORES_A_RECORDER)
        self._pools = [ThreadPoolExecutor(1, "record") for _ in range(num_threads)]
        self._behind: deque[list[Future[None]]] = deque()
        self.waited_s = 0.0

    def __enter__(self) -> "_Recording":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Everything that was handed over is recorded, unless an error makes it worthless."""
        for pool in self._pools:
            pool.shutdown(cancel_futures=kind is not None)
        while self._behind and kind is None:
            self._finish_oldest()

    def add(self, step: _Step, lanes: list[_Lane], frames: list[ModelFrame]) -> None:
        """Have a step recorded; waits where too many wait already."""
        places: dict[int, list[int]] = {}  # a lane is always in the same thread's hands
        for place, lane in enumerate(lanes):
            places.setdefault(lane.number % len(self._pools), []).append(place)
        self._behind.append(
            [
                self._pools[thread].submit(_record, step, lanes, frames, mine)
                for thread, mine in places.items()
            ]
        )
        if len(self._behind) > STEPS_BEHIND:
            began = time.perf_counter()
            self._finish_oldest()
            self.waited_s += time.perf_counter() - began

    def _finish_oldest(self) -> None:
        for future in self._behind.popleft():
            future.result()


def _run(
    model: Human3R,
    lanes: list[_Lane],
    labels: LabelConfig,
    worker: WorkerConfig,
    recording: _Recording,
) -> None:
    """Advance all lanes to their ends."""
    device = next(model.parameters()).device
    heads = HeadSelection(pointmap=True)
    state = model.initial_state(len(lanes))
    while lanes:
        chunks = [lane.take(worker.encode_frames) for lane in lanes]
        began, advancing = time.perf_counter() - recording.waited_s, lanes
        pictures = [frame.rgb for chunk in chunks for frame in chunk]
        if pictures:
            features = model.encode(to_device(pictures, device), heads)
        starts = list(itertools.accumulate(map(len, chunks[:-1]), initial=0))
        for offset in range(worker.encode_frames):
            is_live = [
                offset < len(chunk) and lane.error is None
                for lane, chunk in zip(lanes, chunks, strict=True)
            ]
            if not all(is_live):
                kept = [place for place, live in enumerate(is_live) if live]
                lanes = [lanes[place] for place in kept]
                if not lanes:
                    break
                chunks = [chunks[place] for place in kept]
                starts = [starts[place] for place in kept]
                state = state.select(torch.tensor(kept, device=device))
            rows = torch.tensor([start + offset for start in starts], device=device)
            prediction, state = model.step(
                features.select(rows), state, ttt3r=labels.ttt3r, heads=heads
            )
            recording.add(_to_host(prediction), lanes, [chunk[offset] for chunk in chunks])
        seconds = time.perf_counter() - recording.waited_s - began
        for lane in advancing:
            lane.recorder.add_network_seconds(seconds / len(advancing))


def to_device(pictures: Sequence[NDArray[np.uint8]], device: torch.device) -> torch.Tensor:
    """[F, H, W, 3] for the network; a GPU copies them while the CPU goes on."""
    size = (len(pictures), *pictures[0].shape)
    frames = torch.empty(size, dtype=torch.uint8, pin_memory=device.type == "cuda")
    np.stack(pictures, out=frames.numpy())
    return frames.to(device, non_blocking=True)


def _to_host(prediction: Prediction) -> _Step:
    """What is recorded of a step, without waiting for the device."""
    assert prediction.pointmap is not None
    assert prediction.confidence is not None
    step = _Step(
        camera_pose=_numpy(prediction.camera_pose),
        focal_px=_numpy(estimate_focal_px(prediction.pointmap)),
        confidence=_numpy(prediction.confidence.flatten(1).mean(1)),
        depth_m=_numpy(prediction.pointmap[..., 2]),
        clip_index=_numpy(prediction.people.clip_index),
        people=_people_arrays(prediction.people),
        arrival=torch.cuda.Event(blocking=True) if prediction.camera_pose.is_cuda else None,
    )
    if step.arrival is not None:
        step.arrival.record()
    return step


def _record(step: _Step, lanes: list[_Lane], frames: list[ModelFrame], places: list[int]) -> None:
    """Hand the lanes at `places` their part of a step; a lane that refuses it has ended."""
    if step.arrival is not None:
        step.arrival.synchronize()
    for place in places:
        lane, frame = lanes[place], frames[place]
        if lane.error is not None:  # it ended while the network was a few steps ahead
            continue
        is_mine = step.clip_index == place
        try:
            lane.recorder.add(
                frame,
                float(lane.clip.times_s[frame.clip_frame]),
                step.camera_pose[place],
                float(step.focal_px[place]),
                float(step.confidence[place]),
                step.depth_m[place],
                {name: values[is_mine] for name, values in step.people.items()},
            )
        except Exception as error:
            lane.error = error.with_traceback(None)


def _people_arrays(people: People) -> dict[str, NDArray]:
    return {
        "track_id": _numpy(people.track_id),
        "score": _numpy(people.score),
        "head_px": _numpy(people.head_px),
        "rotations": _numpy(people.rotations),
        "betas": _numpy(people.betas),
        "expression": _numpy(people.expression),
        "head_position": _numpy(people.head_position),
    }


def _numpy(tensor: torch.Tensor) -> NDArray:
    """A tensor in main memory, float32 or whole numbers; of a GPU's it may not be there yet."""
    wide = tensor.float() if tensor.is_floating_point() else tensor
    return wide.contiguous().to("cpu", non_blocking=True).numpy()
