"""`ThresholdExplorer`: drag a threshold and see what follows, in a notebook or in a page of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from trainers.detection import quantile_threshold
from trainers.detection._validation import as_labels, as_scores, as_threshold, is_number
from trainers.plotting import Figure
from trainers.widgets.light_pictures import lighten
from trainers.widgets.page import as_text, fragment, source, write_page
from trainers.widgets.pictured_widget import PicturedWidget
from trainers.widgets.sequences import classes, pictures
from trainers.widgets.threshold_figure import plot_threshold

# In the order in which they build on each other.
FILES = (
    "larger.css", "threshold_explorer.css", "scales.js", "surroundings.js", "sequences.js", "threshold_figures.js",
    "threshold_drawing.js", "threshold_explorer.js",
)  # fmt: skip
# The share of false alarms that the threshold begins with, where none is given.
RATE = 0.05


class ThresholdExplorer(PicturedWidget):
    """A threshold to drag over the histogram of scores, with all that follows from it.

    With labels: the histograms of both sides, the confusion matrix, precision, recall, F1, false
    alarms, recall by class, the ROC and precision-recall curves with the point where the threshold
    stands, the cost of errors for given prices. Always: how many are called abnormal, and the
    sequences that changed sides by the last move. With hidden labels one sees what one has in
    practice: one histogram, and nothing that gives the truth away.

    Everything is computed in the page, so that a page written by `to_html` can do the same. All
    scores count, however many. A sequence is called abnormal if its score is *above* the threshold.

    Parameters
    ----------
    scores : array, shape (n,)
        The higher, the more anomalous.
    labels : array of whole numbers, shape (n,), optional
        0 is normal, anything else abnormal. Where all are of one side, there are no curves, and
        figures that need the other side are left open. None: as with hidden labels, for good.
    threshold : float, optional
        Where to begin. Default: with calibration scores, their quantile for 5 % false alarms
        (`quantile_threshold`); else the score that 95 % of all scores do not exceed.
    class_names : sequence of str, optional
        Name of each label, from 0 on.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time), optional
        Drawn where they change sides, up to four features. The page holds 2 million values at
        most; of more sequences than that, some are drawn, evenly spread over the scores.
    reconstructions : DataSet, array or tensor, of the shape of `sequences`, optional
        Drawn with them.
    hide_labels : bool, default False
        Begin with hidden labels; a checkbox shows them, and a trait.
    calibration : array, optional
        Scores of sequences known to be normal, shape (m,): their histogram, and how many of them
        would be called abnormal, help to set a threshold without labels.
    false_alarm_price, miss_price : float, optional
        Price of each error, from 0 up; both can be typed in the page.

    Attributes
    ----------
    threshold : float
        Where the line stands; may be set.
    hide_labels : bool
        May be set.
    false_alarm_price, miss_price : float or None
        May be set.

    Raises
    ------
    TypeError, ValueError
        If the scores are no finite numbers, or the rest does not fit them.

    Examples
    --------
    >>> explorer = ThresholdExplorer([0.1, 0.2, 0.3, 0.9], labels=[0, 0, 1, 1], threshold=0.5)
    >>> explorer.threshold = 0.25
    >>> explorer
    <ThresholdExplorer of 4 scores>
    """

    _esm = source(FILES, ".js")
    _css = source(FILES, ".css")
    data = traitlets.Dict().tag(sync=True)
    # No Float, which takes NaN and refuses NumPy's float32; no Any, which takes None unchecked.
    threshold: Any = traitlets.TraitType(0.0).tag(sync=True)
    hide_labels = traitlets.Bool().tag(sync=True)
    false_alarm_price = traitlets.Any().tag(sync=True)
    miss_price = traitlets.Any().tag(sync=True)

    def __init__(
        self,
        scores: Any,
        labels: Any = None,
        *,
        threshold: float | None = None,
        class_names: Sequence[str] | None = None,
        sequences: Any = None,
        reconstructions: Any = None,
        hide_labels: bool = False,
        calibration: Any = None,
        false_alarm_price: float | None = None,
        miss_price: float | None = None,
    ) -> None:
        self.scores = _within_reach(as_scores(scores, "scores"), "scores")
        self.labels = None if labels is None else as_labels(labels, self.scores)
        self.calibration = None
        if calibration is not None:
            self.calibration = _within_reach(as_scores(calibration, "calibration"), "calibration")
        data: dict[str, Any] = {
            "scores": self.scores.astype("<f8").tobytes(),
            "calibration": None if self.calibration is None else self.calibration.astype("<f8").tobytes(),
            # Evenly over the ranks, so that wherever the threshold stands there is something to see.
            "pictures": pictures(sequences, reconstructions, np.argsort(self.scores, kind="stable"), "scores"),
            **classes(self.labels, class_names),
        }
        super().__init__(
            data=data,
            threshold=self._first_threshold() if threshold is None else threshold,
            hide_labels=hide_labels,
            false_alarm_price=false_alarm_price,
            miss_price=miss_price,
        )

    @property
    def figure(self) -> Figure:
        """A static picture of the histogram and the threshold, without the truth where labels are hidden."""
        return plot_threshold(self.scores, None if self.hide_labels else self.labels, self.threshold)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write a page of one file that can do what the widget can, without a kernel or a network.

        Hidden labels are in it all the same, for its checkbox; without labels there is nothing to find.

        Parameters
        ----------
        path : path
            Where to; an existing file is replaced.
        """
        write_page(path, "Where to set the threshold?", self._page_data(), FILES)

    def html(self, key: str = "threshold") -> str:
        """The same as a piece of HTML for a page of your own.

        It holds fewer of the sequences to draw, evenly spread over the scores; all scores count.

        Parameters
        ----------
        key : str, default "threshold"
            Another one for each widget in the page.

        Returns
        -------
        str
            HTML without head and body.
        """
        drawn = lighten(self.data["pictures"], np.argsort(self.scores, kind="stable"))
        return fragment({**self._page_data(), "pictures": as_text(drawn)}, FILES, key)

    def _first_threshold(self) -> float:
        if self.calibration is None:
            return float(np.quantile(self.scores, 1 - RATE, method="inverted_cdf"))
        # Few calibration scores cannot promise that rate: their highest stands for the lowest rate they can.
        return quantile_threshold(self.calibration, rate=max(RATE, 1 / (len(self.calibration) + 1)))

    @traitlets.validate("threshold")
    def _check_threshold(self, proposal: Any) -> float:
        return as_threshold(proposal["value"])

    @traitlets.validate("false_alarm_price", "miss_price")
    def _check_price(self, proposal: Any) -> float | None:
        price, name = proposal["value"], proposal["trait"].name
        if price is None:
            return None
        if not is_number(price) or price < 0:
            msg = f"{name} takes a finite number from 0 up, or None for no price; got {price!r}."
            raise ValueError(msg)
        return float(price)

    def _page_data(self) -> dict[str, Any]:
        names = ("threshold", "hide_labels", "false_alarm_price", "miss_price")
        data = {**self.data, **{name: getattr(self, name) for name in names}, "alt": self.figure.alt}
        return as_text(data)

    def __repr__(self) -> str:
        # Without the threshold, whose last digits differ between machines: a notebook that shows it stays the same.
        return f"<ThresholdExplorer of {len(self.scores)} scores>"


def _within_reach(scores: np.ndarray, what: str) -> np.ndarray:
    """The scores themselves, or an error if a picture cannot span them."""
    if np.abs(scores).max() > 1e300:
        msg = f"{what} must lie between -1e300 and 1e300; got up to {np.abs(scores).max():.3g}. Scale them."
        raise ValueError(msg)
    return scores
