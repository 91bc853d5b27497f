"""The data dictionary in docs/ is the one the declarations give."""

from pathlib import Path

from schemas.dictionary import data_dictionary
from schemas.tables import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "data-dictionary.md"


def test_the_committed_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == data_dictionary(), (
        "run: python -m schemas.dictionary > docs/data-dictionary.md"
    )


def test_every_column_has_its_line():
    page = data_dictionary()
    for spec in TABLES.values():
        section = page.split(f"## {spec.name}\n")[1].split("\n## ")[0]
        assert [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")] == [
            *spec.column_names
        ]
