"""The data dictionary as Markdown, from the declarations: `python -m schemas.dictionary`."""

from __future__ import annotations

import pyarrow as pa

from schemas.fields import NO_UNIT, SCHEMA_VERSION, Field, TableSpec
from schemas.joints import JOINT_NAMES
from schemas.metadata import (
    CONVENTIONS,
    LICENCE_OF_PRESET,
    LICENCE_OF_PUBLISHED_WEIGHTS,
    LICENCE_OF_UNTRAINED,
    PREFIX,
)
from schemas.reference_frames import NO_FRAME, REFERENCE_FRAMES
from schemas.tables import TABLES

_INTRODUCTION = f"""\
# Data dictionary

<!-- Generated: python -m schemas.dictionary > docs/data-dictionary.md -->

Schema version {SCHEMA_VERSION}. Every table is Parquet; every column is checked against this page
before it is written.

{CONVENTIONS}

NaN and infinity stand nowhere: what is not known is null, and each column says what null means.
Rows of one clip stand together, in the order of its frames.
"""

_STORAGE = f"""\
## How the tables are stored

zstd. Floats are byte-stream-split, integers delta-encoded, texts dictionary-encoded. Scalar columns
have statistics; `clip_id` and `video_id` have Bloom filters, by which a reader skips the row groups
that do not hold a clip. Lists of a fixed size are plain lists to readers that know no other
(DuckDB: `body_pose[1]` is the first number).

Rotations and positions are float32, as the network gives them: nothing is rounded. What a row of
`people` costs, on made-up motion (random walks, 20 clips of 100 frames and 4 people;
`pytest tests/schemas/test_parquet.py -k bytes -rP`):

| columns | bytes a row | without byte-stream-split |
|---|---|---|
| pose, shape, expression, head, translation (185 numbers) | 575 | 685 |
| `joints_3d` and `joints_2d` (260 numbers; null without a body model) | 804 | 965 |
| everything | 1435 | 1714 |

And of your own output:

```sql
SELECT split_part(path_in_schema, ',', 1) AS name, sum(total_compressed_size) AS bytes
FROM parquet_metadata('OUT/people/*.parquet') GROUP BY name ORDER BY bytes DESC;
```

## Metadata of every file

`SELECT decode(key), decode(value) FROM parquet_kv_metadata('FILE')` shows it; every column of the
Arrow schema carries its own `doc`, `unit` and `frame` too.

| key | value |
|---|---|
| `{PREFIX}table`, `{PREFIX}schema_version`, `{PREFIX}row` | table, version, what a row is |
| `{PREFIX}conventions`, `{PREFIX}reference_frames` | units, axes, frames that columns name |
| `{PREFIX}body_pose_joints`, `{PREFIX}joint_names` | joint order (JSON) |
| `{PREFIX}weights_sha256`, `{PREFIX}model_preset` | the network |
| `{PREFIX}is_untrained` | "true" for random weights, whose rows label nothing |
| `{PREFIX}label_licence` | what may be done with the labels (below) |
| `{PREFIX}body_model_sha256` | the body model, or that there was none |
| `{PREFIX}config_hash`, `{PREFIX}code_version` | what else decides the labels |

`{PREFIX}label_licence` is one of these:

| made with | text |
|---|---|
| the published weights | {LICENCE_OF_PUBLISHED_WEIGHTS} |
{"".join(f"| preset {name} | {text} |" + chr(10) for name, text in LICENCE_OF_PRESET.items())}\
| random weights | {LICENCE_OF_UNTRAINED} |
"""


def data_dictionary() -> str:
    """The whole page."""
    frames = ["## Frames and clocks", "", "| name | what it is |", "|---|---|"]
    frames += [f"| {name} | {text} |" for name, text in REFERENCE_FRAMES.items()]
    joints = ", ".join(f"{index} {name}" for index, name in enumerate(JOINT_NAMES))
    parts = [
        _INTRODUCTION,
        "\n".join(frames) + "\n",
        *(_table(spec) for spec in TABLES.values()),
        f"## Joints\n\nOf `joints_3d` and `joints_2d`, in order: {joints}.\n",
        _STORAGE,
    ]
    return "\n".join(parts)


def _table(spec: TableSpec) -> str:
    lines = [
        f"## {spec.name}",
        "",
        spec.doc,
        "",
        f"Key: {', '.join(f'`{name}`' for name in spec.key)}.",
        "",
        "| column | type | unit | frame | meaning | must |",
        "|---|---|---|---|---|---|",
        *(_row(field) for field in spec.fields),
    ]
    if spec.row_rules:
        lines += ["", "Rows must:", "", *(f"- {rule.text}" for rule in spec.row_rules)]
    return "\n".join(lines) + "\n"


def _row(field: Field) -> str:
    unit = "" if field.unit == NO_UNIT else field.unit
    frame = "" if field.frame == NO_FRAME else field.frame
    rules = "; ".join(rule.text for rule in field.rules)
    type_text = _type_text(field.type) + (", null" if field.nullable else "")
    return f"| `{field.name}` | {type_text} | {unit} | {frame} | {field.doc} | {rules} |"


def _type_text(type_: pa.DataType) -> str:
    if pa.types.is_fixed_size_list(type_):
        return f"{_type_text(type_.value_type)}[{type_.list_size}]"
    if pa.types.is_list(type_):
        return f"{_type_text(type_.value_type)}[]"
    return {"float": "float32", "double": "float64"}.get(str(type_), str(type_))


if __name__ == "__main__":
    print(data_dictionary(), end="")
