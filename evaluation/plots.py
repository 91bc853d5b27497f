"""Figures as PNG files in memory; the only module that draws with matplotlib.

Every function is a picture of values that others worked out. Figures are made without pyplot, so
nothing is kept between calls and threads may draw at once. World axes are those of a first camera:
x right, y down, z forward. Paths are drawn with x across and z up the page, which is from above
where that camera is level.
"""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from evaluation.overlay import paint_people, track_colour
from evaluation.preview import FromAbove, Preview
from evaluation.result import SequenceResult

INK, GREY, PALE = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, ORANGE = "#0072b2", "#d55e00"
TEXT_PT, SMALL_PT = 11, 9.5

PREVIEW_DPI = 125
PREVIEW_WIDTH_IN = 14.4
PREVIEW_MAX_HEIGHT_IN = 4.5  # of a panel
PREVIEW_GAPS_IN = (0.15, 0.2, 1.45, 0.15)  # left of each panel, and right of the last
PREVIEW_TOP_IN, PREVIEW_BOTTOM_IN = 0.8, 0.5

REPORT_DPI = 160
REPORT_WIDTH_IN = 5.6

MOST_NAMED = 11
"""People in a legend; it would crowd out the picture."""
MIN_SPAN_M = 1.0
CONE_SHARE = 0.3  # length of the view cone, of the span that is shown


def preview_png(preview: Preview) -> bytes:
    """The overlay, the depth and the clip from above, side by side; at most 1800 pixels wide."""
    picture = paint_people(preview.rgb, preview.people, preview.faces)
    aspect = picture.shape[1] / picture.shape[0]
    gaps_in = sum(PREVIEW_GAPS_IN)
    panel_in = min((PREVIEW_WIDTH_IN - gaps_in) / (2 * aspect + 1), PREVIEW_MAX_HEIGHT_IN)
    width_in = panel_in * (2 * aspect + 1) + gaps_in
    height_in = panel_in + PREVIEW_TOP_IN + PREVIEW_BOTTOM_IN
    figure = Figure((width_in, height_in), PREVIEW_DPI, facecolor="white")
    x_in, panels = 0.0, []
    for gap_in, panel_width_in, title in zip(
        PREVIEW_GAPS_IN,
        (panel_in * aspect, panel_in * aspect, panel_in),
        (
            _overlay_title(preview),
            "Depth along the optical axis (grey: none)",
            "From above, by its first camera",
        ),
        strict=False,
    ):
        x_in += gap_in
        box = (x_in / width_in, PREVIEW_BOTTOM_IN / height_in)
        size = (panel_width_in / width_in, panel_in / height_in)
        panels.append(figure.add_axes((*box, *size)))
        panels[-1].set_title(title, loc="left", fontsize=TEXT_PT, color=INK)
        x_in += panel_width_in
    overlay, depth, above = panels
    overlay.imshow(picture, aspect="auto")
    overlay.set_axis_off()
    _draw_depth(depth, preview)
    _draw_clip_from_above(above, preview.from_above)
    _write_heading(figure, preview)
    return _png(figure)


def errors_over_time_png(sequence: SequenceResult) -> bytes:
    """Errors of every frame of a sequence, one row for each kind that was measured."""
    rows = [
        (label, lines)
        for label, lines in (
            (
                "Joints [mm]",
                (("MPJPE", sequence.mpjpe_mm), ("PA-MPJPE", sequence.pa_mpjpe_mm)),
            ),
            ("Head [m]", (("head", sequence.head_error_m),)),
            ("Camera [m]", (("camera", sequence.camera_error_m),)),
            ("Depth [ratio]", (("depth", sequence.depth_abs_rel),)),
        )
        if any(np.isfinite(values).any() for _, values in lines)
    ]
    figure = _report_figure(0.7 + 1.15 * max(len(rows), 1))
    if not rows:
        return _empty(figure, "No error was measured in this sequence")
    grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, lines) in zip(grid, rows, strict=True):
        for (name, values), colour in zip(lines, (BLUE, ORANGE), strict=False):
            # Single frames between gaps have no line; dots show them.
            axes.plot(sequence.time_s, values, ".-", color=colour, label=name, lw=1.4, ms=3)
        axes.set_ylabel(label, fontsize=SMALL_PT, color=INK)
        axes.set_ylim(bottom=0)
        _tidy(axes)
        if len(lines) > 1:
            axes.legend(
                frameon=False,
                fontsize=SMALL_PT,
                ncols=2,
                loc="lower right",
                bbox_to_anchor=(1.0, 1.0),
                borderaxespad=0.0,
            )
    grid[-1].set_xlabel("Time in the video [s]", fontsize=TEXT_PT, color=INK)
    figure.align_ylabels(grid)
    return _png(figure)


def joint_errors_png(names: Sequence[str], error_mm: NDArray[np.float64]) -> bytes:
    """One bar a joint, the worst at the top.

    Args:
        names: J joints.
        error_mm: [J] millimetres, NaN where it was not measured.
    """
    order = [joint for joint in np.argsort(error_mm) if np.isfinite(error_mm[joint])]
    figure = _report_figure(0.9 + 0.2 * max(len(order), 6))
    if not order:
        return _empty(figure, "No joint was measured")
    axes = figure.subplots()
    values = error_mm[order]
    bars = axes.barh([names[joint].replace("_", " ") for joint in order], values, color=BLUE)
    axes.bar_label(bars, [f"{value:.0f}" for value in values], padding=3, fontsize=SMALL_PT)
    axes.set_xlabel("Mean error around the middle of the hips [mm]", fontsize=TEXT_PT, color=INK)
    axes.margins(x=0.08, y=0.01)
    _tidy(axes)
    axes.grid(visible=False, axis="y")
    return _png(figure)


def depth_error_png(abs_rel: NDArray[np.float64]) -> bytes:
    """Where in the picture depth is wrong.

    Args:
        abs_rel: [rows, columns] mean |error| / true depth, NaN where nothing was compared.
    """
    figure = _report_figure(4.0)
    if not np.isfinite(abs_rel).any():
        return _empty(figure, "No depth was compared")
    axes = figure.subplots()
    high = max(float(np.nanpercentile(abs_rel, 99)), 1e-6)
    axes.set_facecolor(PALE)
    image = axes.imshow(abs_rel, cmap="cividis", vmin=0, vmax=high, aspect="equal")
    axes.set_xticks([0, abs_rel.shape[1] - 1], ["left", "right"], fontsize=SMALL_PT)
    axes.set_yticks([0, abs_rel.shape[0] - 1], ["top", "bottom"], fontsize=SMALL_PT)
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, orientation="horizontal", fraction=0.06, pad=0.1)
    bar.set_label("Mean |depth error| / true depth", fontsize=TEXT_PT, color=INK)
    bar.ax.tick_params(labelsize=SMALL_PT, colors=INK)
    bar.outline.set_visible(False)
    return _png(figure)


def paths_png(sequence: SequenceResult) -> bytes:
    """Paths of camera and people: truth as broad pale lines, the labels as thin ones on them.

    From above where the truth has a ground: the world is turned until its up is -y, by the least
    turn, so that ahead of the first camera stays about up the page.
    """
    turn = np.eye(3)
    if sequence.up is not None:
        turn = Rotation.align_vectors([[0, -1, 0]], sequence.up[None])[0].as_matrix()
    figure = _report_figure(5.4)
    true, pred = sequence.camera_true @ turn.T, sequence.camera_pred @ turn.T
    points = [true, pred]
    if not np.isfinite(np.concatenate(points)).any():
        return _empty(figure, "Where the camera was is not known")
    axes = figure.subplots()
    _draw_pair(axes, true, pred, INK, "camera")
    for place, person in enumerate(sequence.people):
        colour = _colour(person.track_id)
        name = f"person {person.track_id}" if place < MOST_NAMED else None
        true, pred = person.pelvis_true @ turn.T, person.pelvis_pred @ turn.T
        _draw_pair(axes, true, pred, colour, name)
        points += [true, pred]
    _frame_ground(axes, np.concatenate(points))
    figure.legend(frameon=False, fontsize=SMALL_PT, ncols=3, loc="outside upper left")
    return _png(figure)


def _overlay_title(preview: Preview) -> str:
    count = f"{len(preview.people)} {'person' if len(preview.people) == 1 else 'people'}"
    if not preview.people:
        return "Nobody was detected"
    if any(person.skin is not None for person in preview.people):
        return f"{count}: track id, score, body"
    if any(person.joints_px is not None for person in preview.people):
        return f"{count}: track id, score, skeleton"
    return f"{count}: track id, score; heads only, without a body model"


def _write_heading(figure: Figure, preview: Preview) -> None:
    """What is shown at the left, what made the labels at the right."""
    width_in, height_in = figure.get_size_inches()
    y = 1 - 0.25 / height_in
    heading = f"{preview.uri}   frame {preview.frame_index}   {preview.time_s:.2f} s"
    left, right = PREVIEW_GAPS_IN[0] / width_in, 1 - PREVIEW_GAPS_IN[-1] / width_in
    title = figure.text(left, y, heading, fontsize=13, color=INK, weight="bold", va="center")
    title.set_parse_math(False)  # a dollar in a name begins no formula
    style = {"fontsize": TEXT_PT, "color": GREY}
    figure.text(right, y, preview.labels, style, ha="right", va="center")


def _draw_depth(axes: Axes, preview: Preview) -> None:
    """Depth where it lies over the source picture; grey where there is none."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_facecolor(PALE)
    if preview.depth is None or not np.isfinite(preview.depth.depth_m).any():
        reason = "No depth was written" if preview.depth is None else "No pixel has a depth"
        axes.text(0.5, 0.5, reason, ha="center", color=GREY, fontsize=TEXT_PT)
        return
    near_m, far_m = np.nanpercentile(preview.depth.depth_m, (1, 99))
    left, right, top, bottom = preview.depth.edges_px
    image = axes.imshow(
        preview.depth.depth_m,
        cmap="turbo",
        vmin=near_m,
        vmax=far_m,
        extent=(left, right, bottom, top),
        aspect="auto",
    )
    height, width = preview.rgb.shape[:2]
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    bar_axes = axes.inset_axes((1.015, 0.0, 0.02, 1.0))
    bar = axes.figure.colorbar(image, cax=bar_axes)
    bar.set_label("metres", fontsize=TEXT_PT, color=INK)
    bar.ax.tick_params(labelsize=SMALL_PT, colors=INK)
    bar.outline.set_visible(False)


def _draw_clip_from_above(axes: Axes, clip: FromAbove) -> None:
    points = np.concatenate([clip.camera_path, *clip.people_paths.values()])
    span_m = _frame_ground(axes, points)
    for track, path in clip.people_paths.items():
        axes.plot(path[:, 0], path[:, 2], color=_colour(track), lw=1.6, alpha=0.8)
    axes.plot(clip.camera_path[:, 0], clip.camera_path[:, 2], color=INK, lw=1.6, label="camera")
    x, _, z = clip.camera
    if clip.view_edges is not None:
        lengths = np.linalg.norm(clip.view_edges, axis=1, keepdims=True)
        tips = clip.camera + CONE_SHARE * span_m * clip.view_edges / lengths
        corners = [(x, z), *tips[:, [0, 2]]]
        axes.fill(*zip(*corners, strict=True), color=INK, alpha=0.12, lw=0)
    axes.plot(x, z, "s", color=INK, ms=7)
    axes.annotate("camera", (x, z), (8, -12), textcoords="offset points", fontsize=SMALL_PT)
    for track, (head_x, _, head_z) in clip.people.items():
        axes.plot(head_x, head_z, "o", color=_colour(track), ms=11, mec="white")
        axes.annotate(
            str(track), (head_x, head_z), (8, 5), textcoords="offset points", fontsize=TEXT_PT
        )


def _draw_pair(
    axes: Axes,
    true: NDArray[np.float64],
    pred: NDArray[np.float64],
    colour: str | tuple[float, ...],
    name: str | None,
) -> None:
    axes.plot(true[:, 0], true[:, 2], color=colour, lw=5, alpha=0.3, solid_capstyle="butt")
    axes.plot(pred[:, 0], pred[:, 2], color=colour, lw=1.5, label=name)
    axes.plot(pred[:1, 0], pred[:1, 2], "o", color=colour, ms=5)


def _frame_ground(axes: Axes, points: NDArray[np.float64]) -> float:
    """A square piece of ground around `points` [..., 3], metric axes; its side in metres."""
    finite = points[np.isfinite(points).all(axis=1)][:, [0, 2]]
    low, high = (finite.min(0), finite.max(0)) if len(finite) else (np.zeros(2), np.zeros(2))
    span_m = max(float((high - low).max()), MIN_SPAN_M) * 1.15
    (x_low, z_low), (x_high, z_high) = (
        (low + high - span_m) / 2,
        (low + high + span_m) / 2,
    )
    axes.set_xlim(x_low, x_high)
    axes.set_ylim(z_low, z_high)
    axes.set_aspect("equal")
    axes.set_xlabel("x, to the right [m]", fontsize=TEXT_PT, color=INK)
    axes.set_ylabel("z, forward [m]", fontsize=TEXT_PT, color=INK)
    _tidy(axes)
    return span_m


def _colour(track_id: int) -> tuple[float, ...]:
    return tuple(channel / 255 for channel in track_colour(track_id))


def _report_figure(height_in: float) -> Figure:
    return Figure((REPORT_WIDTH_IN, height_in), REPORT_DPI, facecolor="white", layout="constrained")


def _tidy(axes: Axes) -> None:
    """Pale grid behind, no box, small numbers."""
    axes.grid(color=PALE, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(labelsize=SMALL_PT, colors=INK)


def _empty(figure: Figure, reason: str) -> bytes:
    figure.text(0.5, 0.5, reason, ha="center", va="center", color=GREY, fontsize=TEXT_PT)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()
