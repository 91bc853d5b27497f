"""The part of the ledger that says where labels lie, what made them, and how long that took."""

from __future__ import annotations

import pyarrow as pa

from schemas.fields import Field
from schemas.rules import at_least, matches, not_blank
from schemas.tables.common import relative_path_rule, sha256_rule


def _file(kind: str, doc: str) -> tuple[Field, Field, Field]:
    return (
        Field(
            f"{kind}_file",
            pa.string(),
            f"{doc} A path below the output root; null where there is none.",
            nullable=True,
            rules=(relative_path_rule(),),
        ),
        Field(
            f"{kind}_sha256",
            pa.string(),
            f"sha256 of {kind}_file.",
            nullable=True,
            rules=(sha256_rule(),),
        ),
        Field(
            f"{kind}_size_bytes",
            pa.int64(),
            f"Size of {kind}_file.",
            "byte",
            nullable=True,
            rules=(at_least(1),),
        ),
    )


FILE_FIELDS: tuple[Field, ...] = (
    *_file("frames", "Parquet file with the `frames` rows of the whole shard."),
    *_file("people", "Parquet file with the `people` rows of the whole shard."),
    *_file("tracks", "Parquet file with the `tracks` rows of the whole shard."),
    *_file("depth", "Object with the clip's depth pictures."),
)

ORIGIN_FIELDS: tuple[Field, ...] = (
    Field(
        "weights_sha256",
        pa.string(),
        "sha256 of the network's weights; of random ones too.",
        rules=(sha256_rule(),),
    ),
    Field(
        "model_preset",
        pa.string(),
        "Size of the network, such as '896L' or 'tiny'.",
        rules=(not_blank(),),
    ),
    Field(
        "is_untrained",
        pa.bool_(),
        "Whether the weights are random: the rows then try the pipeline out and label nothing.",
    ),
    Field(
        "body_model_sha256",
        pa.string(),
        "sha256 of the SMPL-X model file; null where none was given.",
        nullable=True,
        rules=(sha256_rule(),),
    ),
    Field(
        "config_hash",
        pa.string(),
        "Hash of the resolved configuration that decides the labels; run.json holds it in full.",
        rules=(matches(r"[0-9a-f]{8,64}", "8 to 64 lower-case hexadecimal digits"),),
    ),
    Field(
        "schema_version",
        pa.int32(),
        "Version of the tables' meaning.",
        rules=(at_least(1),),
    ),
    Field(
        "code_version",
        pa.string(),
        "Version of the program that made the labels.",
        rules=(not_blank(),),
    ),
    Field("host", pa.string(), "Machine the clip was annotated on.", rules=(not_blank(),)),
    Field(
        "device",
        pa.string(),
        "Device the network ran on, 'cpu' or the name of the GPU; ', compiled' after it where "
        "torch.compile was used.",
        rules=(not_blank(),),
    ),
)


def _seconds(name: str, doc: str) -> Field:
    return Field(name, pa.float32(), doc, "s", rules=(at_least(0),))


SECONDS_FIELDS: tuple[Field, ...] = (
    _seconds("decode_s", "Time spent decoding and resizing the clip's frames."),
    _seconds("network_s", "Time in the network; the clip's share where clips ran together."),
    _seconds("body_s", "Time placing bodies."),
    _seconds("depth_s", "Time encoding depth."),
    _seconds("write_s", "Time checking and writing; the clip's share of its shard's."),
)
