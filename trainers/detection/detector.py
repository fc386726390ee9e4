"""`AnomalyDetector`: one object from data to decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from data import DataSet, Series
from data.series import default_names
from trainers.batched_trainer import BatchedTrainer
from trainers.block import Block, Hyperparameter
from trainers.checks import as_count, as_threshold
from trainers.detection import scoring
from trainers.detection.preprocessing import Scaling, as_data, matched, three_parts
from trainers.detection.results import Detection, Explanation
from trainers.detection.thresholds import RULES
from trainers.detection.windowing import COMBINATIONS, Windowing, choose_window
from trainers.losses import reconstruct
from trainers.lstm_autoencoder import LSTMAutoencoder
from trainers.torch_utils import LARGEST_SEED, as_device
from trainers.trainer import Trainer
from trainers.training import Callback, Result, benchmark

# The thresholds that need nothing but normal scores; any other can be given to `detect`.
_RULES = {name: rule for name, rule in RULES.items() if rule.keyword in ("rate", "k")}


class AnomalyDetector(Block):
    """Learn what is normal, score what is new, decide by a threshold, and locate the error.

    It takes sets of sequences (`DataSet`) and long recordings (`Series`), of one or many features,
    and works for any model and trainer. The normal data is divided in three: the network learns
    from *training*, history restore selects on *validation*, the threshold is set on *calibration*,
    which nothing was selected on. Scaling is fitted to training alone and kept here.

    A series is cut into windows of one period (or `window`), `stride` steps apart. Each window
    gives each of its time steps a score, and a step's own score is the mean, maximum or median
    over the windows that hold it. A series of any length is scored in chunks, with the same result.

    **Missing values** (NaN in a series, or masked in a data set) are interpolated along time for
    the network to read, and count neither in training nor in a score. Windows of a series of which more
    than `max_missing` is missing are not used for training and not scored. A step that no window scores
    scores 0, is never flagged, and is marked as `unscored` in the detection.

    Parameters
    ----------
    trainer : Trainer, optional
        With its model, neither trained yet, built for the data's number of features. Default: a `BatchedTrainer` with
        an `LSTMAutoencoder` of 64 hidden units and a latent vector of 32, Adam at 0.01 with
        warm-up and cosine decay, batches of 32; on a series, 50 batches make an epoch.
    device : str or torch.device, default "cpu"
        "cpu" or "gpu", for the default trainer.
    name : str, optional
        Used in tables and legends.
    **hyperparameters
        As listed below. All but `window`, `scaling`, `centre`, `epochs` and `seed`, which act in `fit`, may be
        changed afterwards and act at once.

    Attributes
    ----------
    trainer : Trainer or None
        None until it is fitted, if none was given.
    result : Result or None
        Of the last training.
    window_length : int or None
        Time steps in a window, of a detector fitted to a series.

    Examples
    --------
    >>> import numpy as np
    >>> from data import Series
    >>> wave = np.sin(np.arange(2000) * 2 * np.pi / 25)
    >>> detector = AnomalyDetector(epochs=2, rate=0.01).fit(Series(wave))
    >>> detector.window_length
    25
    >>> wave[1000:1010] = 0
    >>> detector.score(Series(wave)).argmax() in range(990, 1020)
    True
    """

    window = Hyperparameter(
        None, "time steps in a window of a series; None: its period, as estimated", kind=int, minimum=2
    )
    stride = Hyperparameter(4, "time steps from one window to the next", minimum=1)
    scaling = Hyperparameter(
        "standard", "of each feature: by mean and s.d., by quartiles, or none", choices=("standard", "robust", "none")
    )
    centre = Hyperparameter(True, "subtract its mean from each window of a series; hides slow drift and level shifts")
    error = Hyperparameter(
        "mae", "mean absolute, squared, or largest; or EncDec-AD's Gaussian", choices=("mae", "mse", "max", "gaussian")
    )
    smooth = Hyperparameter(1, "time steps over which differences are averaged before they count", minimum=1)
    step_score = Hyperparameter("window", "of a step: its window's score or its own error", choices=("window", "point"))
    combine = Hyperparameter("mean", "over the windows that hold a time step", choices=COMBINATIONS)
    max_missing = Hyperparameter(
        0.5, "share of a series' window that may be missing, to learn from it or judge by it", minimum=0, below=1
    )
    rule = Hyperparameter("conformal quantile", "sets the threshold on the calibration scores", choices=tuple(_RULES))
    rate = Hyperparameter(0.01, "false alarms per normal sequence or step, for the first two rules", above=0, below=1)
    k = Hyperparameter(3.0, "spreads above the middle, for the last two rules", minimum=0)
    epochs = Hyperparameter(20, "passes or, on a series, groups of 50 batches that the default trains for", minimum=1)
    seed = Hyperparameter(0, "of the division, and of the default model and trainer", minimum=0, maximum=LARGEST_SEED)

    def __init__(
        self,
        trainer: Trainer | None = None,
        device: str | torch.device = "cpu",
        *,
        name: str | None = None,
        **hyperparameters: Any,
    ) -> None:
        super().__init__(name=name, **hyperparameters)
        if trainer is not None and not isinstance(trainer, Trainer):
            raise TypeError(f"trainer must be a Trainer, such as BatchedTrainer(LSTMAutoencoder()), got {trainer!r}.")
        self._device = as_device(device)
        self._given, self.trainer = trainer, trainer
        self.result: Result | None = None
        self.window_length: int | None = None
        self._cached: tuple[Any, Any] = None, None

    # ------------------------------------------------------------------ learn

    def fit(
        self,
        normal: Any,
        validation: Any = None,
        calibration: Any = None,
        *,
        callbacks: Sequence[Callback] = (),
        progress: bool | None = None,
    ) -> AnomalyDetector:
        """Learn from normal data, and keep what the threshold is set on.

        Parameters
        ----------
        normal : DataSet, Series, array, table or torch Dataset
            Without anomalies. An array of shape (time,) is a series, (n, time) and
            (n, time, feature) are sequences. One that looks like (time, feature) is refused or
            warned of: give ``Series(x)`` or ``DataSet(x)``.
        validation, calibration : of the same kind, optional
            Two further normal parts; `normal` is then used whole for training. Default:
            `normal` is divided, see `hold_out`.
        callbacks : sequence of callables
            As `benchmark` takes them, such as a `TrainingMonitor`.
        progress : bool, optional
            As `benchmark` takes it.

        Returns
        -------
        AnomalyDetector
            This one, fitted.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            If the data is not fit for use, too short for a window or labelled abnormal, the
            model does not take it, it is too little for the rule that sets the threshold, the
            trainer has trained before, or the training was stopped before its first epoch.
            All but the training's own errors come before the training.
        """
        if self._given is not None and len(self._given.history):
            raise ValueError(f"the trainer {self._given.name!r} has trained before. Build a new trainer and model.")
        # training, validation, calibration
        parts = three_parts(normal, validation, calibration, self.seed)
        scaling, windowing = Scaling(self.scaling, parts[0]), None
        if isinstance(parts[0], Series):
            length = choose_window(parts, self.window)
            windowing = Windowing(length, self.stride, self.centre, self.max_missing, scaling)
        self._check_rule(parts[2], windowing)
        # Until there is a result, the detector is not fitted.
        self.result, self._held_out, self._cached = None, parts[1:], (None, None)
        self._scaling, self._centre = scaling, self.centre
        self.window_length = windowing.length if windowing else None
        # scale, and cut a series into windows
        sets = [self._sequences(part) for part in parts[:2]]
        # train
        trainer = self._given or self._default_trainer(sets[0], on_series=windowing is not None)
        result = benchmark(trainer, *sets, epochs=self.epochs, callbacks=callbacks, progress=progress)
        if not len(result.history):
            raise RuntimeError(f"the training of {self.name!r} was stopped before its first epoch. Call fit again.")
        self.trainer, self.result = trainer, result
        return self

    def choose_window(self, normal: Any) -> int:
        """The window's length that `fit` would take for a series: as set, or its period.

        Parameters
        ----------
        normal : Series or array, shape (time,)
            As for `fit`.

        Returns
        -------
        int
            Time steps.
        """
        parts = three_parts(normal, None, None, self.seed)
        if not isinstance(parts[0], Series):
            raise TypeError("normal must be a series or an array of shape (time,), got a DataSet. Give Series(x).")
        return choose_window(parts, self.window)

    # ------------------------------------------------------------------ score

    def score(self, x: Any) -> np.ndarray:
        """How anomalous each sequence, or each time step of a series, is.

        Parameters
        ----------
        x : DataSet, Series, array, table or torch Dataset
            Of the kind that the detector was fitted to, with the same features; those of a Series
            are reordered by their names. Another sampling rate or length of sequences is warned of.

        Returns
        -------
        numpy.ndarray, shape (n,) or (time,)
            float64, finite, from 0 up; of a step that no window scores, 0.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            If the detector is not fitted, or `x` is of another kind, width, or shorter than a window.
        """
        scores = self._scores(self._check(x))
        # in place: a copy would take memory for the whole series
        scores[np.isnan(scores)] = 0.0
        return scores

    def detect(self, x: Any, *, threshold: float | None = None) -> Detection:
        """Score, and decide by the threshold.

        Parameters
        ----------
        x : DataSet, Series or array
            As for `score`.
        threshold : float, optional
            Another than the detector's own, such as
            ``false_alarm_threshold(detector.calibration_scores, per_hour=1, sampling_rate=360)``.

        Returns
        -------
        Detection
        """
        threshold = self.threshold if threshold is None else as_threshold(threshold)
        data = self._check(x)
        scores = self._scores(data)
        return Detection(np.nan_to_num(scores), threshold, np.isnan(scores), data if isinstance(data, Series) else None)

    def explain(self, x: Any) -> Explanation:
        """Reconstruct, and say which time steps and features carry the error.

        Parameters
        ----------
        x : DataSet, Series or array
            As for `score`.

        Returns
        -------
        Explanation
        """
        data, model = self._check(x), self._trained_model()
        if isinstance(data, DataSet):
            scaled = self._sequences(data)
            reconstruction = reconstruct(model, scaled)
            errors = np.abs(scoring.known_differences(model, reconstruction, scaled.sequences, scaled.mask))
            return Explanation(errors, self._scaling.unscale(reconstruction.numpy()), default_names(data.n_features))

        def both(differences: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
            return np.concatenate([np.abs(differences), reconstruction], axis=2)

        steps = self._windowing().over(data, model, both, columns=2 * data.n_features)
        errors, values = np.split(steps, 2, axis=1)
        return Explanation(errors, self._scaling.unscale(values), data.feature_names)

    @property
    def threshold(self) -> float:
        """Scores above it are abnormal: set by `rule` on the calibration scores."""
        return self._by_rule(self.calibration_scores)

    @property
    def calibration_scores(self) -> np.ndarray:
        """Scores of the calibration part, (n,) or (time,): normal, and nothing was selected on them.

        Those of neighbouring time steps depend on each other: a rate set on a series holds less
        closely than one set on as many sequences.
        """
        # Weights count the changes made to them: a run that goes on has other scores.
        weights = tuple(parameter._version for parameter in self._trained_model().parameters())
        settings = weights, self.stride, self.error, self.smooth, self.step_score, self.combine, self.max_missing
        if self._cached[0] != settings:
            scores = self._scores(self._held_out[1])
            self._cached = settings, scores[~np.isnan(scores)]
        return self._cached[1]

    # ------------------------------------------------------------------ inside

    def _trained_model(self) -> Any:
        """The trainer's model; an error if it is not trained."""
        if self.result is None or self.trainer is None:
            raise RuntimeError(f"{self.name!r} is not fitted yet. Call fit(normal) first.")
        return self.trainer.model

    def _sequences(self, data: Any) -> DataSet:
        """What the network reads: scaled sequences, or scaled windows of a series."""
        return self._windowing().data_set(data) if isinstance(data, Series) else self._scaling.scaled(data)

    def _windowing(self) -> Windowing:
        assert self.window_length is not None
        return Windowing(self.window_length, self.stride, self._centre, self.max_missing, self._scaling)

    def _default_trainer(self, training: DataSet, *, on_series: bool) -> Trainer:
        model = LSTMAutoencoder(n_features=training.n_features, latent_size=32, seed=self.seed)
        return BatchedTrainer(
            model, self._device, batch_size=min(32, len(training)), steps_per_epoch=50 if on_series else None,
            learning_rate=0.01, schedule="cosine", warmup_epochs=min(3.0, self.epochs / 2), seed=self.seed,
        )  # fmt: skip

    def _by_rule(self, scores: np.ndarray) -> float:
        rule = _RULES[self.rule]
        return rule.function(scores, **{rule.keyword: getattr(self, rule.keyword)})

    def _check_rule(self, calibration: Any, windowing: Windowing | None) -> None:
        """Raise if the rule cannot set a threshold on so many scores: before the training, not after it."""
        if windowing:
            length = windowing.length
            n = len(np.unique(windowing.usable_starts(calibration)[:, None] + np.arange(length)))
        else:
            n, length = len(calibration), calibration.length
        self._smooth(length)
        # As many scores, of a distribution that every rule can work with.
        self._by_rule(-np.log1p(-np.arange(n) / n))

    def _check(self, x: Any) -> Any:
        """`x` as data of the kind and width that the detector was fitted to."""
        self._trained_model()
        data = matched(as_data(x, "x"), self._held_out[0], "x")
        if self.window_length is not None and len(data) < self.window_length:
            raise ValueError(f"{data.name!r} must have a window of {self.window_length} time steps, got {len(data)}.")
        return data

    def _scores(self, data: Any) -> np.ndarray:
        """As `score`, with NaN where nothing can be scored."""
        model, smooth, gaussian = self._trained_model(), self._smooth(self.window_length or data.length), None
        if self.error == "gaussian":
            # of the validation part, as in EncDec-AD
            validation = self._sequences(self._held_out[0])
            gaussian = scoring.ErrorGaussian(scoring.reconstruction_differences(model, validation, smooth=smooth))
        if isinstance(data, DataSet):
            sequences = self._sequences(data)
            return scoring.reconstruction_error(model, sequences, kind=self.error, smooth=smooth, gaussian=gaussian)

        def of_steps(differences: np.ndarray, _: np.ndarray) -> np.ndarray:
            return scoring.window_scores(scoring.smoothed(differences, smooth), self.error, gaussian, self.step_score)

        return self._windowing().over(data, model, of_steps, combine=self.combine)[:, 0]

    def _smooth(self, length: int) -> int:
        return as_count(self.smooth, f"smooth of {self.name!r}", "in time steps", most=length)
