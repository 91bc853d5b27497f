"""Read a dataset for comparison: its clips, and the arrays of one clip at a time.

Only what a commit names is read.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evaluation.clip_arrays import (
    FRAME_COLUMNS,
    PEOPLE_COLUMNS,
    ClipArrays,
    ClipEntry,
    HiddenPeople,
    clip_arrays,
    float_lists,
    hidden_people,
    int_column,
)
from evaluation.depth_metrics import Depth, DepthGrid
from evaluation.errors import EvaluationError
from evaluation.physics import Plane
from evaluation.result import Side
from evaluation.smpl import SmplPeople
from pipeline.config import LabelIdentity
from pipeline.depth import read_depth_frame
from pipeline.ledger import read_ledger
from pipeline.plan import read_plan
from pipeline.run_file import read_run
from pipeline.storage import Store
from pipeline.tables import read_table
from schemas.arrow import empty_table
from schemas.tables import PEOPLE
from schemas.truth_files import GROUND, HIDDEN, NO_WORLD, SMPL_PEOPLE, TruthFile

_LEDGER_COLUMNS = [
    "clip_id",
    "uri",
    "start_frame",
    "end_frame",
    "status",
    "frames_file",
    "people_file",
    "source_px_per_model_px_x",
]


class Dataset:
    """One side of a comparison.

    Attributes:
        side: Where it is and what made it.
        picture_of_video: (width, height) of every readable video of the plan, None of the others.
        planned_frames: Source frames that the plan samples, by video.
        clips: Annotated clips by video, in the order of their frames.
    """

    def __init__(self, store: Store) -> None:
        """Read plan and ledger.

        Raises:
            PlanError: There is no plan.
            EvaluationError: Nothing is annotated.
        """
        self._store = store
        plan = read_plan(store, clip_columns=["video_index", "frame_index"])
        run = read_run(store)
        if run is None or run.identity is None:
            raise EvaluationError(f"{store.uri}: holds a plan but no labels. Run h3r annotate")
        self.side = _side(store.uri, run.source, run.code_version, run.identity)
        videos = plan.videos.select(["uri", "video_index", "width", "height"]).to_pylist()
        self.picture_of_video = {
            row["uri"]: None if row["width"] is None else (row["width"], row["height"])
            for row in videos
        }
        uri_of_index = {row["video_index"]: row["uri"] for row in videos}
        self.planned_frames: dict[str, set[int]] = {row["uri"]: set() for row in videos}
        for row in plan.clips.to_pylist():
            self.planned_frames[uri_of_index[row["video_index"]]].update(row["frame_index"])
        self.clips = _clips_by_video(read_ledger(store, _LEDGER_COLUMNS))

    def annotated_frames(self, uri: str) -> NDArray[np.int64]:
        """Source frames of a video that have labels, each once, rising."""
        found = [np.zeros(0, np.int64)]
        for entry in self.clips.get(uri, []):
            frames = self._rows(entry.frames_file, ("clip_id", "frame_index"), entry)
            found.append(int_column(frames, "frame_index"))
        return np.unique(np.concatenate(found))

    def read_clip(self, entry: ClipEntry) -> ClipArrays:
        """The arrays of one clip.

        Raises:
            StorageError: A file that the ledger names cannot be read.
        """
        people = empty_table(PEOPLE).select(PEOPLE_COLUMNS)
        if entry.people_file is not None:
            people = self._rows(entry.people_file, PEOPLE_COLUMNS, entry)
        return clip_arrays(entry, self._rows(entry.frames_file, FRAME_COLUMNS, entry), people)

    def read_depth(
        self, clip: ClipArrays, places: Iterable[int]
    ) -> Iterator[tuple[Depth, DepthGrid] | None]:
        """Depth of the frames at `places` of a clip's arrays, in that order.

        Yields:
            [H, W] metres, NaN where there is none, and where it lies over the source picture; None
            for a frame without depth.

        Raises:
            DepthError: The object is damaged.
            StorageError: It cannot be read.
        """
        name, data = None, b""
        for place in places:
            row = clip.depth[place]
            if row["depth_file"] is None:
                yield None
                continue
            if row["depth_file"] != name:
                name, data = row["depth_file"], self._store.read(row["depth_file"])
            start = row["depth_byte_offset"]
            depth = read_depth_frame(
                data[start : start + row["depth_byte_length"]],
                row["depth_codec_header"],
                row["depth_width"],
                row["depth_height"],
            )
            yield (
                depth,
                DepthGrid(
                    row["depth_px_per_source_px_x"],
                    row["depth_px_per_source_px_y"],
                    row["depth_shift_x_px"],
                    row["depth_shift_y_px"],
                ),
            )

    def read_hidden(self) -> dict[tuple[str, int], HiddenPeople]:
        """People that a truth leaves unlabelled, by (video, source frame); {} where none are told.

        Raises:
            EvaluationError: The file lacks a column.
        """
        rows_of_frame: dict[tuple[str, int], list[dict]] = {}
        for row in self._extra_rows(HIDDEN):
            rows_of_frame.setdefault((row["uri"], row["frame_index"]), []).append(row)
        return {frame: hidden_people(rows) for frame, rows in rows_of_frame.items()}

    def read_ground(self) -> dict[str, Plane]:
        """The ground in the world of each clip, by clip id; {} where a truth does not say.

        Raises:
            EvaluationError: The file lacks a column.
        """
        return {
            row["clip_id"]: Plane(np.array(row["normal"]), row["offset_m"])
            for row in self._extra_rows(GROUND)
        }

    def read_no_world(self) -> set[str]:
        """Videos of which a truth does not know where the camera was.

        Raises:
            EvaluationError: The file lacks a column.
        """
        return {row["uri"] for row in self._extra_rows(NO_WORLD)}

    def read_smpl_people(self) -> tuple[dict[tuple[str, int, int], int], SmplPeople]:
        """A truth's people in SMPL's parameters, and their rows by (video, source frame, track).

        Raises:
            EvaluationError: The file lacks a column.
        """
        table = self._extra_table(SMPL_PEOPLE)
        keys = zip(
            *(table.column(name).to_pylist() for name in ("uri", "frame_index", "track_id")),
            strict=True,
        )
        people = SmplPeople(
            gender=np.array(table.column("gender").to_pylist(), str),
            pose=float_lists(table, "pose"),
            betas=float_lists(table, "betas"),
            transl=float_lists(table, "transl"),
            camera_from_world=float_lists(table, "camera_from_world").reshape(-1, 3, 4),
        )
        return {key: row for row, key in enumerate(keys)}, people

    def _extra_rows(self, file: TruthFile) -> list[dict]:
        """The rows of a file that stands beside the tables; [] where it does not."""
        return self._extra_table(file).to_pylist()

    def _extra_table(self, file: TruthFile) -> pa.Table:
        """A file that stands beside the tables; empty where it does not."""
        if self._store.info(file.path) is None:
            return file.schema.empty_table()
        table = read_table(self._store, file.path)
        missing = [name for name in file.schema.names if name not in table.column_names]
        if missing:
            raise EvaluationError(
                f"{self._store.uri}/{file.path}: has no column {', '.join(missing)}. Write the "
                "truth again"
            )
        return table

    def _rows(self, path: str, columns: Sequence[str], entry: ClipEntry) -> pa.Table:
        """The clip's rows in a file of its shard."""
        return read_table(self._store, path, list(columns), [("clip_id", "==", entry.clip_id)])


def _side(uri: str, source: str, code_version: str, identity: LabelIdentity) -> Side:
    return Side(
        uri=uri,
        source=source,
        model_preset=identity.model_preset,
        weights_sha256=identity.weights_sha256,
        is_untrained=identity.is_untrained,
        body_model_sha256=identity.body_model_sha256,
        config_hash=identity.config_hash,
        code_version=code_version,
    )


def _clips_by_video(ledger: pa.Table) -> dict[str, list[ClipEntry]]:
    clips: dict[str, list[ClipEntry]] = {}
    for row in ledger.to_pylist():
        if row["status"] == "failed":
            continue
        entry = ClipEntry(
            clip_id=row["clip_id"],
            uri=row["uri"],
            start_frame=row["start_frame"],
            end_frame=row["end_frame"],
            source_px_per_model_px=row["source_px_per_model_px_x"],
            frames_file=row["frames_file"],
            people_file=row["people_file"],
        )
        clips.setdefault(entry.uri, []).append(entry)
    for entries in clips.values():
        entries.sort(key=lambda entry: entry.start_frame)
    return clips
