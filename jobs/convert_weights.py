"""`h3r convert-weights IN.pth OUT.safetensors`: a published checkpoint becomes a weight file."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from human3r_model.conversion import Conversion


def convert_weights(
    source: Annotated[Path, typer.Argument(metavar="IN.pth", help="Published checkpoint.")],
    target: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="File to write.")],
    preset: Annotated[
        str | None,
        typer.Option(help="Architecture, for a checkpoint that does not say (672L or 896L)."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Convert a published Human3R checkpoint to safetensors; nothing in it is run."""
    from human3r_model.conversion import convert_checkpoint

    conversion = convert_checkpoint(source, target, preset=preset, force=force)
    if as_json:
        typer.echo(json.dumps({"output": str(target)} | asdict(conversion)))
        return
    for line in _lines(target, conversion):
        typer.echo(line)


def _lines(target: Path, conversion: "Conversion") -> list[str]:
    parameters = f"{conversion.num_parameters / 1e6:.1f} M parameters"
    lines = [
        f"preset   {conversion.preset}",
        f"source   sha256 {conversion.source_sha256}",
        f"weights  sha256 {conversion.weights_sha256}",
        f"kept     {conversion.num_kept} tensors, {parameters}",
    ]
    lines += [f"dropped  {number} tensors: {why}" for why, number in conversion.dropped.items()]
    if conversion.placeholders:
        lines.append(f"ignored  objects of {', '.join(conversion.placeholders)}: not weights")
    return [*lines, f"wrote    {target}"]
