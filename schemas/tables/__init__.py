"""The tables, one declaration each."""

from schemas.fields import TableSpec
from schemas.tables.clips import CLIPS
from schemas.tables.frames import FRAMES
from schemas.tables.people import PEOPLE
from schemas.tables.plan_clips import PLAN_CLIPS
from schemas.tables.tracks import TRACKS
from schemas.tables.videos import VIDEOS

TABLES: dict[str, TableSpec] = {
    spec.name: spec for spec in (VIDEOS, PLAN_CLIPS, CLIPS, FRAMES, PEOPLE, TRACKS)
}
"""Every table by its name, in the order of the job."""

__all__ = ["CLIPS", "FRAMES", "PEOPLE", "PLAN_CLIPS", "TABLES", "TRACKS", "VIDEOS"]
