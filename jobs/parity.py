"""`python -m jobs.parity --preset tiny FILE.npz...`: the network against reference outputs.

The network is filled deterministically, as the reference files' was; no weights are read.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from human3r_model.errors import InputError
from jobs.exit_codes import ExitCode

if TYPE_CHECKING:
    from human3r_model.model import Human3R
    from human3r_model.parity import OutputError
    from human3r_model.reference_run import Reference

TOLERANCE_TINY = 1e-4
TOLERANCE_FULL_SIZE = 1e-3


def parity(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.npz...", help="Reference files.")],
    preset: Annotated[str, typer.Option(help="Architecture the files were made with.")] = "tiny",
) -> None:
    """Compare the network with reference files; exits with 1 beyond tolerance.

    One line a file and output: the worst of max|a-b| / max(1, max|b|) over the steps, pointmaps in
    log space, ids and counts exactly. `rgb` is not compared. A file that cannot be read is a
    failure; one without frames is no run and is skipped; with nothing but those it exits with 1.
    """
    from human3r_model.config import PRESETS
    from human3r_model.reference_fill import build_reference_model
    from human3r_model.reference_run import read_reference

    if preset not in PRESETS:
        raise typer.BadParameter(f"no preset {preset!r}: choose one of {', '.join(PRESETS)}")
    tolerance = TOLERANCE_TINY if preset == "tiny" else TOLERANCE_FULL_SIZE
    model, num_failed, num_skipped = None, 0, 0
    for file in files:
        try:
            reference = read_reference(file)
            if reference is None:
                typer.echo(f"{file}: SKIPPED, it has no frames to run")
                num_skipped += 1
                continue
            model = build_reference_model(PRESETS[preset]) if model is None else model
            num_failed += _report(file, model, reference, tolerance)
        except InputError as error:
            typer.echo(f"{error}: FAILED")
            num_failed += 1
    skipped = f", {num_skipped} skipped" if num_skipped else ""
    typer.echo(
        f"{len(files)} files, {num_failed} failures{skipped}, tolerance {tolerance:.0e} ({preset})"
    )
    has_failed = num_failed or num_skipped == len(files)
    raise typer.Exit(ExitCode.FAILED if has_failed else ExitCode.OK)


def _report(file: Path, model: "Human3R", reference: "Reference", tolerance: float) -> int:
    """Print a file's lines; count the outputs beyond tolerance."""
    for name in reference.unknown_settings:
        typer.echo(f"{file} {name}: unknown, ignored")
    ttt3r, errors = _compare(model, reference)
    if reference.ttt3r is None:
        typer.echo(f"{file} ttt3r: not stated; {'on' if ttt3r else 'off'} is nearer")
    failed = [error for error in errors if not error.worst <= tolerance]
    for error in errors:
        verdict = "FAILED" if error in failed else "ok"
        steps = f"worst of {error.num_compared} at {error.where}"
        typer.echo(f"{file} {error.output:<20} {error.worst:.1e} {verdict} ({steps})")
    return len(failed)


def _compare(model: "Human3R", reference: "Reference") -> "tuple[bool, list[OutputError]]":
    """(whether TTT3R was on, errors): as the file says; where it does not, whichever is nearer."""
    from human3r_model.parity import compare_run
    from human3r_model.reference_run import run_reference

    modes = (True, False) if reference.ttt3r is None else (reference.ttt3r,)
    runs = [
        (mode, compare_run(reference, run_reference(model, reference, ttt3r=mode)))
        for mode in modes
    ]
    return min(runs, key=lambda run: max(error.worst for error in run[1]))


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(parity)

if __name__ == "__main__":
    app()
