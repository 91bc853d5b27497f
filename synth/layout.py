"""Names of everything in a corpus. The only place of this package that spells a path.

corpus.json                 what was asked for; a corpus of something else is refused
videos/INDEX-VARIANT.mp4    the videos
videos.jsonl                what each video is, a line each; written last: the corpus is whole
truth/                      the dataset a job would write of videos/, with true labels
truth/hidden.parquet        people too hidden to be labelled
truth/ground.parquet        the ground plane in each clip's world
truth/masks/CLIP.mkv        who is seen in every pixel
staged/                     truth on its way from the renderer to the tables; gone when whole
"""

CORPUS_FILE = "corpus.json"
VIDEOS_FOLDER = "videos"
VIDEOS_FILE = "videos.jsonl"
TRUTH_FOLDER = "truth"
STAGED_FOLDER = "staged"


def video_path(uri: str) -> str:
    """A video, by its name below `VIDEOS_FOLDER`."""
    return f"{VIDEOS_FOLDER}/{uri}"


def record_path(uri: str) -> str:
    """What was filmed; a video is whole when this exists."""
    return f"{STAGED_FOLDER}/{uri}.json"


def staged_clip_path(uri: str, start_frame: int) -> str:
    """The truth of the clip of a video that begins at a source frame."""
    return f"{STAGED_FOLDER}/{uri}.{start_frame}.npz"


def mask_path(clip_id: str) -> str:
    """A clip's masks, below `TRUTH_FOLDER`."""
    return f"masks/{clip_id}.mkv"
