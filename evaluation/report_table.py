"""An evaluation as text: what was compared, then a line a metric."""

from evaluation.result import Accounts, Evaluation, Metric, Side

ARROWS = {"lower": "↓", "higher": "↑", "neither": " "}
NUM_NAMED = 5


def table_lines(evaluation: Evaluation) -> list[str]:
    """What `h3r evaluate` prints."""
    lines = [
        f"labels  {_side(evaluation.pred)}",
        f"truth   {_side(evaluation.truth)}",
        *_account_lines(evaluation.accounts, len(evaluation.sequences)),
    ]
    group = None
    for metric in evaluation.metrics:
        if metric.group != group:
            group = metric.group
            lines += ["", group]
        lines.append(_metric_line(metric))
    return [*lines, "", "↓ lower is better, ↑ higher is better, - not measured"]


def _side(side: Side) -> str:
    untrained = ", UNTRAINED: random weights, not labels" if side.is_untrained else ""
    return f"{side.uri} ({side.model_preset}{untrained})"


def _account_lines(accounts: Accounts, num_sequences: int) -> list[str]:
    lines = [
        f"{accounts.num_frames} of {accounts.num_frames_true} true frames compared, in "
        f"{accounts.num_videos} videos and {num_sequences} sequences"
    ]
    if accounts.num_frames_missing:
        lines.append(
            f"planned frames without labels (failed, lost or not done yet): "
            f"{accounts.num_frames_missing}; their {accounts.num_people_missing} people count as "
            "missed"
        )
    if accounts.num_frames_not_planned:
        lines.append(
            "true frames that the labels' plan leaves out, which count neither way: "
            f"{accounts.num_frames_not_planned}"
        )
    if accounts.num_frames_without_truth:
        lines.append(f"labelled frames without truth: {accounts.num_frames_without_truth}")
    for what, videos in (
        ("videos of the truth that the labels' plan leaves out", accounts.videos_not_planned),
        ("videos of the labels without truth", accounts.videos_without_truth),
    ):
        if videos:
            more = ", ..." if len(videos) > NUM_NAMED else ""
            lines.append(f"{what}: {len(videos)} ({', '.join(videos[:NUM_NAMED])}{more})")
    return lines


def _metric_line(metric: Metric) -> str:
    if metric.value is None:
        return f"    {metric.name:<20}{'-':>10}   not measured: {metric.note}"
    value = f"{metric.value:.4g}" if metric.value < 1e4 else f"{metric.value:.0f}"
    count = f"({metric.num_samples} {metric.sample})"
    return (
        f"  {ARROWS[metric.better]} {metric.name:<20}{value:>10} {metric.unit:<6} {count:<26} "
        f"{metric.note}"
    )
