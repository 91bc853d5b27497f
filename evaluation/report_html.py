"""An evaluation as one page that explains itself and needs nothing from outside.

All text from outside (names, uris, notes) goes through `html.escape`; pictures are data in the
page; there is no script.
"""

from collections.abc import Sequence
from html import escape

from evaluation.plots import depth_error_png, joint_errors_png
from evaluation.report_parts import HEADLINE, counted, figure, value_text
from evaluation.report_sequences import sequences_section
from evaluation.report_style import STYLE
from evaluation.result import Accounts, Evaluation, Metric, Side

NUM_NAMED = 10
BETTER = {"lower": "↓ lower", "higher": "↑ higher", "neither": ""}


def render_html(evaluation: Evaluation) -> str:
    """The page, as text."""
    body = "\n".join(
        (
            _heading(evaluation),
            _headline(evaluation.metrics),
            _coverage(evaluation.accounts),
            _all_metrics(evaluation.metrics),
            _overall_plots(evaluation),
            sequences_section(evaluation.sequences),
            _footer(evaluation),
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(_title(evaluation))}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _title(evaluation: Evaluation) -> str:
    return f"Evaluation of {_name(evaluation.pred.uri)} against {_name(evaluation.truth.uri)}"


def _name(uri: str) -> str:
    """The last two parts of a uri: enough to tell datasets apart at a glance."""
    return "/".join(uri.rstrip("/").split("/")[-2:])


def _heading(evaluation: Evaluation) -> str:
    accounts, pred, truth = evaluation.accounts, evaluation.pred, evaluation.truth
    notices = []
    if pred.is_untrained:
        notices.append(
            "The network that made these labels has random weights. They try the program out; the "
            "numbers below say nothing about Human3R."
        )
    if accounts.num_frames == 0:
        notices.append("The two have no frame in common: nothing was compared.")
    if _bodies_differ(pred, truth):
        notices.append(
            "The two sides were made with different body models, whose joints lie in different "
            "places: errors of joints are not measured."
        )
    shown = "".join(f'<p class="notice">{notice}</p>' for notice in notices)
    return (
        f"<header><h1>{escape(_title(evaluation))}</h1>"
        f'<p class="lead">{counted(accounts.num_frames, "frame")} of '
        f"{counted(accounts.num_videos, 'video')}, compared in "
        f"{counted(len(evaluation.sequences), 'sequence')}.</p>{shown}</header>"
    )


def _bodies_differ(pred: Side, truth: Side) -> bool:
    hashes = (pred.body_model_sha256, truth.body_model_sha256)
    return None not in hashes and hashes[0] != hashes[1]


def _headline(metrics: Sequence[Metric]) -> str:
    by_name = {metric.name: metric for metric in metrics}
    cards = "".join(_card(by_name[name]) for name in HEADLINE if name in by_name)
    return f'<section><h2>Results</h2><div class="cards">{cards}</div></section>'


def _card(metric: Metric) -> str:
    is_measured = metric.value is not None
    direction = f"{metric.better} is better" if is_measured else "not measured"
    return (
        f'<div class="card"><small>{escape(metric.group)}</small><b>{escape(metric.name)}</b>'
        f'<span class="value">{value_text(metric)}</span>'
        f"<small>{direction}: {escape(metric.note)}</small></div>"
    )


def _all_metrics(metrics: Sequence[Metric]) -> str:
    rows, group = [], None
    for metric in metrics:
        if metric.group != group:
            group = metric.group
            rows.append(f'<tr><th colspan="5">{escape(group)}</th></tr>')
        rows.append(_metric_row(metric))
    return (
        '<section><h2>All metrics</h2><div class="scroll"><table class="metric"><thead><tr>'
        '<th>Metric</th><th class="number">Value</th><th>Better</th><th>What it is</th>'
        '<th class="number">Taken over</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _metric_row(metric: Metric) -> str:
    is_measured = metric.value is not None
    note = _sentence(metric.note) if is_measured else f"Not measured: {metric.note}."
    count = f"{metric.num_samples:,} {metric.sample}" if is_measured else ""
    return (
        f"<tr><td>{escape(metric.name)}</td>"
        f'<td class="number">{value_text(metric)}</td>'
        f'<td class="better">{BETTER[metric.better]}</td>'
        f'<td class="wide{"" if is_measured else " missing"}">{escape(note)}</td>'
        f'<td class="number count">{escape(count)}</td></tr>'
    )


def _coverage(accounts: Accounts) -> str:
    """Every frame of the truth, and what became of it."""
    parts = (
        (accounts.num_frames, "var(--blue)", "compared"),
        (
            accounts.num_frames_missing,
            "#d55e00",
            "missing from the labels: failed, lost or not annotated yet. The "
            f"{counted(accounts.num_people_missing, 'person', 'people')} in them count as missed",
        ),
        (
            accounts.num_frames_not_planned,
            "var(--line)",
            "never planned for the labels; they count neither way",
        ),
    )
    total = max(accounts.num_frames_true, 1)
    bar = "".join(f'<span style="width:{100 * num / total:.2f}%"></span>' for num, _, _ in parts)
    keys = "".join(
        f'<li><span class="key" style="--colour:{colour}"></span>{num:,} '
        f"({100 * num / total:.1f} %) {text}</li>"
        for num, colour, text in parts
        if num > 0
    )
    more = ""
    if accounts.num_frames_without_truth:
        more += (
            f"<p>{counted(accounts.num_frames_without_truth, 'labelled frame')} beyond these have "
            "no truth and were not judged.</p>"
        )
    more += _videos("Videos of the truth that were never planned", accounts.videos_not_planned)
    more += _videos("Labelled videos that have no truth", accounts.videos_without_truth)
    return (
        f"<section><h2>What was compared</h2><p>Of the "
        f"{counted(accounts.num_frames_true, 'frame')} of the truth:</p>"
        f'<div class="bar">{bar}</div><ul>{keys}</ul>{more}</section>'
    )


def _videos(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(f"<code>{escape(name)}</code>" for name in names[:NUM_NAMED])
    more = f" and {len(names) - NUM_NAMED} more" if len(names) > NUM_NAMED else ""
    return f"<p>{what}: {shown}{more}.</p>"


def _overall_plots(evaluation: Evaluation) -> str:
    joints = figure(
        joint_errors_png(evaluation.joint_names, evaluation.joint_error_mm),
        "Which joints are wrong: mean distance to the true joint when the middles of the hips are "
        "laid upon each other, over all matched people.",
    )
    depth = figure(
        depth_error_png(evaluation.depth_error_map),
        "Where in the picture depth is wrong: mean of |error| / true depth over all frames, as "
        "predicted. Bright is worse; 0.1 is 10 cm at 1 m.",
    )
    return (
        f'<section><h2>Where the errors are</h2><div class="pair">{joints}{depth}</div></section>'
    )


def _footer(evaluation: Evaluation) -> str:
    sides = "".join(
        _side_row(what, side)
        for what, side in (("Labels", evaluation.pred), ("Truth", evaluation.truth))
    )
    versions = ", ".join(f"{escape(k)} {escape(v)}" for k, v in evaluation.versions.items())
    return (
        "<section><h2>Where it comes from</h2>"
        '<div class="scroll"><table><thead><tr><th></th><th>Dataset</th><th>Videos</th>'
        "<th>Made by</th><th>Weights</th><th>Body model</th><th>Configuration</th></tr></thead>"
        f"<tbody>{sides}</tbody></table></div></section>"
        f"<footer><p><code>{escape(evaluation.command)}</code></p><p>{versions}</p></footer>"
    )


def _side_row(what: str, side: Side) -> str:
    body = "none" if side.body_model_sha256 is None else side.body_model_sha256[:12]
    cells = (
        side.uri,
        side.source,
        f"{side.model_preset}, h3r {side.code_version}",
        side.weights_sha256[:12],
        body,
        side.config_hash[:12],
    )
    row = "".join(f'<td class="name"><code>{escape(cell)}</code></td>' for cell in cells)
    return f"<tr><th>{what}</th>{row}</tr>"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
