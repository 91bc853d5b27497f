from dataclasses import replace

from evaluation.report_table import table_lines
from tests.evaluation.made_up import SIDE, evaluation, metric


def test_a_line_a_metric_under_its_group():
    made = evaluation(
        metrics=(
            metric("MPJPE", 61.48, group="Bodies"),
            metric("PVE", None, group="Bodies", note="no body model was given"),
            metric("F1", 0.9512, unit="", group="Detection", better="higher"),
            metric("Jitter", 123456.7, unit="m/s^3", group="Motion", better="neither"),
        )
    )
    lines = table_lines(made)
    start = lines.index("Bodies")
    assert lines[start - 1] == ""
    assert [line.split() for line in lines[start : start + 3]] == [
        ["Bodies"],
        ["↓", "MPJPE", "61.48", "mm", "(7", "people)", "how", "far", "it", "is", "off"],
        ["PVE", "-", "not", "measured:", "no", "body", "model", "was", "given"],
    ]
    assert lines[start + 5].split()[:4] == ["↑", "F1", "0.9512", "(7"]
    assert lines[start + 8].split()[:3] == ["Jitter", "123457", "m/s^3"]


def test_what_was_not_compared_is_said():
    made = evaluation()
    accounts = replace(
        made.accounts,
        num_frames_true=100,
        num_frames=60,
        num_frames_missing=30,
        num_people_missing=45,
        num_frames_not_planned=10,
        num_frames_without_truth=5,
        videos_not_planned=tuple(f"{letter}.mp4" for letter in "abcdef"),
        videos_without_truth=("z.mp4",),
    )
    text = "\n".join(table_lines(replace(made, accounts=accounts)))
    assert "60 of 100 true frames compared" in text
    assert "(failed, lost or not done yet): 30; their 45 people count as missed" in text
    assert "plan leaves out, which count neither way: 10" in text
    assert "labelled frames without truth: 5" in text
    assert "plan leaves out: 6 (a.mp4, b.mp4, c.mp4, d.mp4, e.mp4, ...)" in text
    assert "videos of the labels without truth: 1 (z.mp4)" in text


def test_labels_of_random_weights_are_called_so():
    made = evaluation(pred=replace(SIDE, is_untrained=True, model_preset="896L"))
    assert "(896L, UNTRAINED: random weights, not labels)" in table_lines(made)[0]
    assert "UNTRAINED" not in table_lines(made)[1]
