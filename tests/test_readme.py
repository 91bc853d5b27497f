"""The README's tree names every source file, with the line that the file says of itself."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (
    "schemas",
    "human3r_model",
    "pipeline",
    "synth",
    "training",
    "evaluation",
    "bench",
    "jobs",
)


def first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return " ".join(docstring.split("\n\n")[0].split("\n"))


def tree() -> str:
    lines = []
    for package in PACKAGES:
        folder = ROOT / package
        lines.append(f"{package + '/':<24}{first_line(folder / '__init__.py')}")
        lines += [
            f"  {path.relative_to(folder).as_posix():<22}{first_line(path)}"
            for path in sorted(folder.rglob("*.py"))
            if path.name != "__init__.py"
        ]
    return "\n".join(lines)


def test_the_tree_is_that_of_the_sources():
    readme = (ROOT / "README.md").read_text()
    assert f"{tree()}\n" in readme, f"put this into README.md, section The tree:\n{tree()}"
