"""Pictures of lesson 8: the way from a file to a report, and the sensors of a recording."""

from __future__ import annotations

from matplotlib.patches import FancyBboxPatch

from data import Series
from data.words import many
from trainers.plotting import ABNORMAL, TEXT, TRAIN, Figure, as_label

# Station, what the kit does there, and what a person decides there.
_STATIONS = (
    ("read", "load_csv\nproposes\noptions", "what does\na column\nmean?"),
    ("check", "check_series\nlists\nfaults", "which ones\nare real?"),
    ("decide", "", "correct it?\nremove it?\nleave it out?"),
    ("train", "fit learns\nthe normal\npart", "which part\nis normal?"),
    ("detect", "detect flags\nhigh scores", "how many\nfalse alarms?\nhow long?"),
    ("explain", "explain\nnames\nsensors", "a fault,\nor not?"),
    ("write down", "report\nwrites\na page", "every\ndecision"),
)


def plot_stations() -> Figure:
    """Draw the way from a file to a report, with what the kit does and what a person decides at each station.

    Returns
    -------
    Figure
    """
    figure = Figure("from a file to a report", figsize=(9, 3.4))
    axes = figure.plain_axes(xlim=(-1.3, len(_STATIONS) - 0.45), ylim=(0, 3.4))
    axes.set_axis_off()
    for y, who, color in ((1.75, "the kit", TRAIN), (0.55, "a person\ndecides", ABNORMAL)):
        axes.text(-0.6, y, who, ha="right", va="center", color=color, fontsize=9, weight="bold")
    for x, (name, kit, person) in enumerate(_STATIONS):
        color = TRAIN if kit else ABNORMAL
        axes.add_patch(
            FancyBboxPatch((x - 0.4, 2.6), 0.8, 0.55, boxstyle="round,pad=0,rounding_size=0.1", fc="none", ec=color)
        )
        axes.text(x, 2.875, name, ha="center", va="center", color=color, fontsize=9)
        if x:
            axes.annotate(
                "", (x - 0.4, 2.875), (x - 0.6, 2.875),
                arrowprops={"arrowstyle": "-|>", "color": TEXT, "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip
        axes.text(x, 1.75, kit or "–", ha="center", va="center", color=TEXT, fontsize=8.5)
        axes.text(x, 0.55, person, ha="center", va="center", color=TEXT, fontsize=8.5)
    axes.plot([-1.2, len(_STATIONS) - 0.5], [1.15, 1.15], color=TEXT, linewidth=0.8)
    words = "; ".join(f"{name}: {' '.join(person.split())}" for name, _, person in _STATIONS)
    figure.alt = f"Seven stations from a file to a report, and what a person decides at each of them. {words}."
    return figure


def plot_sensors(series: Series) -> Figure:
    """Plot each sensor of a well in its own axes, against the time in minutes.

    Parameters
    ----------
    series : Series
        Recording at 1 Hz, such as `data.load_oil_well` returns.

    Returns
    -------
    Figure
    """
    rows = -(-series.n_features // 2)
    figure = Figure(f"{many(series.n_features, 'sensor')} of {series.name}", figsize=(9, 1.35 * rows + 0.3))
    for number, (name, values) in enumerate(zip(series.feature_names, series.values.T, strict=True), start=1):
        axes = figure.plain_axes(rows, 2, number)
        pressure = name.startswith("P-")
        # float64, because small changes of a large value are drawn
        shown = values.astype("float64") / (1e6 if pressure else 1)
        axes.plot([step / 60 for step in range(len(series))], shown, color=TRAIN, linewidth=1)
        unit = "MPa" if pressure else "°C" if name.startswith("T-") else "flow"
        axes.set(ylabel=unit, xlim=(0, len(series) / 60))
        axes.set_title(as_label(name), fontsize=10)
        axes.ticklabel_format(useOffset=False)
    figure.supxlabel("minute", color=TEXT, fontsize=10)
    ranges = ", ".join(
        f"{name} {low:.6g} to {high:.6g}"
        for name, low, high in zip(series.feature_names, series.values.min(0), series.values.max(0), strict=True)
    )
    figure.alt = f"{many(series.n_features, 'sensor')} of {series.name}, one plot each. Ranges: {ranges}."
    return figure
