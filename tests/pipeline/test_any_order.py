"""However clips, batches and workers are mixed, every label is of its own clip and frame.

The pictures spell their video and frame, and the fake network's labels spell what it saw.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipeline.config import SHARDS_AT_ONCE, WorkerConfig
from pipeline.job import annotate_job
from pipeline.verify import verify
from pipeline.worker import ShardWorker
from tests.fakes import FakeHuman3R, fake_models
from tests.pipeline.small_job import SOURCE, VIDEO_OF_CODE, identity_of, plan_small

CODE_OF_VIDEO = {name: code for code, name in VIDEO_OF_CODE.items()}


@settings(max_examples=8, deadline=None, phases=[Phase.generate])
@given(
    order=st.permutations(range(5)),
    plan=st.tuples(st.integers(2, 9), st.integers(8, 20)),
    worker=st.builds(
        WorkerConfig,
        batch_clips=st.integers(1, 5),
        encode_frames=st.integers(1, 5),
        prefetch_frames=st.integers(1, 4),
    ),
    num_workers=st.integers(1, 3),
)
def test_every_label_is_of_its_own_clip_and_frame(small_source, order, plan, worker, num_workers):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        job = plan_small(small_source, out, max_clip_frames=plan[0], max_shard_frames=plan[1])
        models = fake_models(FakeHuman3R(num_people=lambda video, frame: 1 + (video + frame) % 2))

        def run(shards, settings):
            mixed = sorted(shards, key=lambda shard: (order[shard % 5], -shard))

            workers = [ShardWorker(settings, models) for _ in range(num_workers)]
            num_threads = num_workers * SHARDS_AT_ONCE

            def work(thread):
                mine = mixed[thread::num_threads]
                return [workers[thread % num_workers].annotate(shard) for shard in mine]

            with ThreadPoolExecutor(num_threads) as pool:
                parts = pool.map(work, range(num_threads))
                yield from (report for part in parts for report in part)

        annotate_job(job, identity_of(job, models), SOURCE, worker, run)
        assert verify(job.store).faults == ()
        ledger = pq.read_table(out / "clips").to_pylist()
        code = {row["clip_id"]: CODE_OF_VIDEO.get(row["uri"]) for row in ledger}
        people = pq.read_table(out / "people").to_pylist()
        frames = pq.read_table(out / "frames").to_pylist()
        assert len(frames) >= 18
        for row in people:
            spelled = (code[row["clip_id"]], row["frame_index"], row["track_id"])
            assert tuple(row["betas"][:3]) == spelled
        for row in frames:
            x, y, _ = row["camera_position"]
            assert (x, y) == (code[row["clip_id"]], row["frame_index"])
