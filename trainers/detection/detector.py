"""`AnomalyDetector`: from data to anomaly scores and decisions."""

from __future__ import annotations

import contextlib
import copy
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from torch import nn
from torch.utils.data import Dataset

from data import DataSet, Series
from data.lazy import chunks, is_lazy, spread
from data.series import default_names
from data.words import digits
from trainers.batched_trainer import BatchedTrainer
from trainers.block import Block, Hyperparameter
from trainers.checkpoint import describe_set, model_content
from trainers.checkpoint_file import digest_of
from trainers.checks import as_count, as_scores, as_threshold
from trainers.detection import neighbours, scoring
from trainers.detection.neighbours import NormalWindows, vectors_of, with_length
from trainers.detection.preprocessing import DataForm, Scaling, as_data, matched, three_parts
from trainers.detection.results import Detection, Explanation
from trainers.detection.scoring import ErrorGaussian
from trainers.detection.thresholds import RULES, tracked_thresholds
from trainers.detection.windowing import COMBINATIONS, Reconstructed, Windowing, choose_window, level_ends
from trainers.losses import reconstruct
from trainers.lstm_autoencoder import LSTMAutoencoder
from trainers.torch_utils import LARGEST_SEED, as_device
from trainers.trainer import Trainer
from trainers.training import Callback, Result, benchmark

# The rules that need only the calibration scores; `detect` accepts any other threshold.
_RULES = {name: rule for name, rule in RULES.items() if rule.keyword in ("rate", "k")}

# A series is unlike the calibration part if its median score is this many times the 90 % quantile there.
UNLIKE = 1.5


class _NotFittedError(NotFittedError, RuntimeError):
    """Error of a detector without a result, as scikit-learn expects it."""


class AnomalyDetector(Block):
    """Detector that trains on normal data, scores new data, applies a threshold, and explains the errors.

    The data is a set of sequences (`DataSet`) or a long recording (`Series`), with one or more features;
    any model and trainer can be used. The normal data is split into three parts: the model is trained on
    *training*; the weights of the epoch with the lowest loss on *validation* are kept (history restore); and the
    threshold is set on *calibration*, which is used only for this purpose. The scaling is fitted on the training
    part and stored in the detector.

    **Score.** With ``error="neighbours"``, the score is the mean distance to the three nearest normal windows: one of
    latent vectors and reconstruction errors, see `NormalWindows`. The normal windows begin at each time step of all
    three parts; if there are more than 10,000, or more than 8 million values in them, evenly spaced ones are used.
    Windows of the calibration part are compared with those that share no time step with them, and so are windows that
    equal a normal window. With the other choices of `error`, the score is the size of the reconstruction error alone.

    A series is cut into windows of one period (or `window`; without a period, of 64 steps or less), `stride` steps
    apart. Each window assigns a score to each of its time steps. The score of a step is the mean, maximum or median
    of these scores over all windows that contain the step. A series of any length is scored in chunks; the result
    does not depend on the chunks. For training, windows begin at each time step (about a million steps of a longer
    series) if an epoch of the trainer has a fixed number of batches (`steps_per_epoch`), and otherwise `stride` steps
    apart.

    Near the ends of a series, and at gaps, a step lies in few windows, and its score varies more. With
    ``error="neighbours"``, the first and last half window therefore have the score of the step next to them. The cost:
    an anomaly of a few steps in the last half window of a series raises the scores less than elsewhere, until more
    steps are known. Other errors keep the score of version 0.2.

    **Threshold.** It is set on the calibration part by `rule`. On a series, the threshold of the conformal quantile
    then follows the scores, so that the share of flagged steps stays near `rate` if normal data drifts; see
    `tracked_thresholds`, also for what this costs. ``adapt=False`` keeps it constant. `detect` warns if the scores are
    clearly higher than those of the calibration part.

    **First edition.** ``AnomalyDetector(error="mae", network="steps", adapt=False)`` has the defaults of version 0.2.
    ``make detection-study`` compares both with each other and with nearest neighbours without a network.

    **Missing values** (NaN in a series, or masked in a data set) are replaced by values interpolated along time
    before the network receives them. They are excluded from training losses and scores. A window in which more
    than `max_missing` of the values are missing is neither used for training nor scored. A time step that lies in
    no scored window gets the score 0, is never flagged, and is marked as `unscored` in the `Detection`.

    **scikit-learn.** The detector is an outlier detector for `Pipeline`, `clone`, `cross_validate` and `GridSearchCV`.
    An array of shape (n_samples, n_features) is read as n sequences of n_features *time steps*, and an array
    (n, time, feature) is accepted as well. High values of `score_samples` and `decision_function` are normal, while
    high values of `score` are abnormal. `score` returns one value per sequence; `cross_validate` and `GridSearchCV`
    therefore need the argument `scoring`. A clone is not fitted and has a copy of the trainer as it was before `fit`.

    Parameters
    ----------
    trainer : Trainer, optional
        Trainer with its model, both untrained; the model must have the number of features of the data. Default: a
        `BatchedTrainer` with an `LSTMAutoencoder` of 64 hidden units, latent dimension 32 and patches of an eighth of a
        window, Adam with learning rate 0.02, warm-up and cosine decay; an epoch has 30 batches of 64.
    device : str or torch.device, default "cpu"
        "cpu" or "gpu", for the default trainer.
    name : str, optional
        Name in tables and legends.
    **hyperparameters
        As listed below. `window`, `scaling`, `centre`, `network`, `epochs` and `seed` take effect in `fit`. The others
        may be changed after fitting and take effect immediately.

    Attributes
    ----------
    trainer : Trainer or None
        The given trainer, or the default one; None before `fit` if none was given, and in a detector that was loaded.
    result : Result or None
        Result of the last training run; None before `fit`.
    window_length : int or None
        Time steps in a window; None if the detector is not fitted to a series.

    References
    ----------
    Reconstruction error of an LSTM autoencoder, and `error="gaussian"`: Malhotra et al. 2016 (arXiv:1607.00148),
    section 2. Nearest neighbours: Ramaswamy et al. 2000 (SIGMOD), section 2. Latent vector and error in one vector:
    Zong et al. 2018 (ICLR), section 3.2. Quantile tracker: Angelopoulos et al. 2023 (arXiv:2307.16895), section 2.1.
    Conformal quantile: Angelopoulos & Bates 2021 (arXiv:2107.07511), section 1. Peaks over threshold:
    Siffer et al. 2017 (KDD), section 3. See `trainers.detection.quantile_threshold` and `pot_threshold`.

    Examples
    --------
    >>> import numpy as np
    >>> from data import Series
    >>> from trainers.detection import AnomalyDetector
    >>> wave = np.sin(np.arange(2000) * 2 * np.pi / 25)
    >>> detector = AnomalyDetector(epochs=2, rate=0.01).fit(Series(wave))
    >>> detector.window_length
    25
    >>> wave[1000:1010] = 0
    >>> detector.score(Series(wave)).argmax() in range(990, 1020)
    True
    >>> any(start < 1010 and end > 1000 for start, end in detector.detect(Series(wave)).events)
    True
    """

    window = Hyperparameter(None, "time steps in a window of a series; None: the series' period", kind=int, minimum=2)
    stride = Hyperparameter(4, "time steps from one window to the next", minimum=1)
    scaling = Hyperparameter(
        "standard", "scaling: by mean and s.d., by quartiles, or none", choices=("standard", "robust", "none")
    )
    centre = Hyperparameter(
        True,
        "subtract the mean of each window of a series; shifts are then detected by neighbours, but not by other errors",
    )
    error = Hyperparameter(
        "neighbours",
        "neighbours: distance of latent vector and error to the nearest normal windows; mae: mean absolute error; mse: "
        "mean squared error; max: largest; gaussian: squared Mahalanobis distance",
        choices=("neighbours", "mae", "mse", "max", "gaussian"),
    )
    smooth = Hyperparameter(
        None,
        "steps over which the difference of reconstruction and input is averaged; None: a sixteenth of a sequence with "
        "neighbours, otherwise 1",
        kind=int,
        minimum=1,
    )
    step_score = Hyperparameter(
        "window", "score of a step: the error of its windows, or of the step alone", choices=("window", "point")
    )
    combine = Hyperparameter("mean", "how scores of the windows that contain a step are combined", choices=COMBINATIONS)
    max_missing = Hyperparameter(0.5, "a window with a larger share of missing values is not used", minimum=0, below=1)
    rule = Hyperparameter("conformal quantile", "threshold rule, applied to calibration scores", choices=tuple(_RULES))
    rate = Hyperparameter(0.01, "false alarms per normal sequence or step, for the rules without k", above=0, below=1)
    adapt = Hyperparameter(
        True, "on a series, the threshold of the conformal quantile follows the scores, so that the rate holds"
    )
    k = Hyperparameter(3.0, "number of s.d. or of scaled MADs, for the rules with k", minimum=0)
    network = Hyperparameter(
        "patches",
        "network of the default trainer. patches: each LSTM step is an eighth of a window, batches of 64; steps: each "
        "LSTM step is a time step, batches of 32",
        choices=("patches", "steps"),
    )
    epochs = Hyperparameter(20, "number of epochs; the default trainer has 30 batches per epoch", minimum=1)
    seed = Hyperparameter(0, "seed of data split, default model and default trainer", minimum=0, maximum=LARGEST_SEED)

    def __init__(
        self,
        trainer: Trainer | None = None,
        device: str | torch.device = "cpu",
        *,
        name: str | None = None,
        **hyperparameters: Any,
    ) -> None:
        super().__init__(name=name, **hyperparameters)
        self._given: Trainer | None = None
        self.trainer: Trainer | None = None
        self.result: Result | None = None
        self.set_params(trainer=trainer, device=device)
        self.window_length: int | None = None
        self._model: nn.Module | None = None
        # training, validation and calibration part
        self._parts: tuple[Any, ...] = ()
        self._gap = 0
        # time steps of a sequence in fit
        self._longest: int | None = None
        self._digests: list[str] = []
        self._cached: dict[str, tuple[Any, Any]] = {}
        self._warned: tuple[Any, ...] = ()

    # ------------------------------------------------------------------ fit

    def fit(
        self,
        normal: Any,
        y: Any = None,
        *,
        validation: Any = None,
        calibration: Any = None,
        callbacks: Sequence[Callback] = (),
        progress: bool | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        every: int = 5,
        allow: Sequence[str] = (),
    ) -> AnomalyDetector:
        """Train on normal data, and store the calibration data.

        Parameters
        ----------
        normal : DataSet, Series, array, table or torch Dataset
            Data without anomalies. Sequences, and windows of a series, that are labelled abnormal are left out, with a
            warning. An array of shape (time,) is a series; arrays of shape (n, time) and
            (n, time, feature) are sequences. An array whose shape looks like (time, feature) causes
            an error or a warning; pass ``Series(x)`` or ``DataSet(x)`` instead.
        y : array, shape (n,), optional
            Ignored; scikit-learn passes labels here.
        validation, calibration : of the same kind, optional
            Further normal data. If given, all of `normal` is used for training. Default: `normal`
            is split into three parts; see `hold_out`.
        callbacks : sequence of callables
            As in `benchmark`, such as a `TrainingMonitor`.
        progress : bool, optional
            As in `benchmark`.
        checkpoint : str or path, optional
            A file in which the training run is saved every few epochs, as in `benchmark`; the same call continues it
            after an interruption. It contains the trainer; save the fitted detector with `trainers.save`.
        every, allow
            As in `benchmark`.

        Returns
        -------
        AnomalyDetector
            The fitted detector itself.

        Raises
        ------
        TypeError
            If the data is of none of the kinds listed above, or if `y` is a data set.
        ValueError
            If the data has invalid values, has only abnormal labels, is too short for a window, or is too
            small for a rule other than the conformal quantile; if the model does not accept the data; or if the
            trainer was already trained, or the checkpoint is one of another run. These errors are raised before
            training starts.
        RuntimeError
            If training is stopped before the end of the first epoch, or another run uses the checkpoint.
        FloatingPointError
            If the loss is not finite and there are no best weights yet; see `BatchedTrainer.doEpoch`.
        """
        if isinstance(y, DataSet | Series | Dataset) or (getattr(y, "ndim", None) or np.asarray(y, object).ndim) > 1:
            remedy = "Pass further normal data as fit(normal, validation=…, calibration=…)."
            raise TypeError(f"y must be labels of shape (n,) or None, got a {type(y).__name__}. {remedy}")
        continues = checkpoint is not None and os.path.exists(checkpoint)
        if self._given is not None and len(self._given.history) and not continues:
            raise ValueError(f"the trainer {self._given.name!r} must be untrained. Build a new trainer and model.")
        self._warned = ()
        # training, validation, calibration
        parts = three_parts(normal, validation, calibration, self.seed)
        scaling, windowing = Scaling(self.scaling, parts[0]), None
        if isinstance(parts[0], Series):
            length = choose_window(parts, self.window)
            windowing = Windowing(length, self.stride, self.centre, self.max_missing, scaling)
        longest = None if windowing else parts[0].length
        self._check_rule(parts[2], windowing)
        if self._model is not None:
            raise ValueError(f"{self.name!r} must be a new detector to be fitted, got a loaded one.")
        before = dict(vars(self))
        # not fitted until there is a result
        self.result, self._parts, self._cached = None, parts, {}
        # steps between the positions of windows of different parts
        self._gap, self._longest = windowing.length if windowing and validation is not None else 0, longest
        self._scaling, self._centre, self._form = scaling, self.centre, DataForm.of(parts[1])
        self._seed_of_split = self.seed
        self.window_length = windowing.length if windowing else None
        # scale, and cut a series into windows; batches are drawn from all windows if an epoch has a number of batches
        counts_batches = self.network == "patches"
        if self._given is not None:
            counts_batches = getattr(self._given, "steps_per_epoch", None) is not None
        sets = [self._sequences(parts[0], every_step=counts_batches), self._sequences(parts[1])]
        # train
        trainer = self._given or self._default_trainer(sets[0], on_series=windowing is not None)
        # a clone and the next fit begin with the trainer as it was given, if it can be copied
        with contextlib.suppress(Exception):
            before["_given"] = self._given = copy.deepcopy(self._given)
        try:
            model = trainer.model
            if self.error == "neighbours" and hasattr(model, "encode") and not isinstance(model, LSTMAutoencoder):
                # an error now instead of after training
                few = sets[0].subset(np.arange(min(2, len(sets[0]))))
                with contextlib.suppress(Exception):
                    # the trainer builds lazy layers
                    model = copy.deepcopy(model)
                vectors_of(model, Reconstructed.of(model, few, np.arange(len(few))), 1)
            result = benchmark(
                trainer, *sets, epochs=self.epochs, callbacks=callbacks, progress=progress, checkpoint=checkpoint,
                every=every, allow=allow,
            )  # fmt: skip
            if not len(result.history):
                raise RuntimeError(f"training of {self.name!r} was stopped before its first epoch. Call fit again.")
        except BaseException:
            vars(self).update(before)
            raise
        self.trainer, self.result = trainer, result
        return self

    def choose_window(self, normal: Any) -> int:
        """Return the window length that `fit` uses for a series: `window`, or its estimated period.

        Without a period, or if `window` is too long for the parts of the series, a shorter default is used: the
        period, or 64 steps, or a fifth of the training part. A warning says so.

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
            raise TypeError("normal must be a series or an array of shape (time,), got a DataSet. Use Series(x).")
        return choose_window(parts, self.window)

    # ------------------------------------------------------------------ score

    def score(self, x: Any, y: Any = None) -> np.ndarray:
        """Return the anomaly score of each sequence, or of each time step of a series.

        Parameters
        ----------
        x : DataSet, Series, array, table or torch Dataset
            Data of the same kind and with the same features as in `fit`; the features of a Series are
            reordered by name. A different sampling rate or sequence length causes a warning.
        y : array, shape (n,), optional
            Ignored; scikit-learn passes labels here.

        Returns
        -------
        numpy.ndarray, shape (n,) or (time,)
            Finite, non-negative float64 values; 0 for an unscored step.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            If the detector is not fitted, or if `x` has a different kind or number of features than
            the data in `fit`, or is shorter than a window.
        """
        scores = self._scores(self._check(x))
        # in place: a copy would take memory for the whole series
        scores[np.isnan(scores)] = 0.0
        return scores

    def detect(self, x: Any, *, threshold: float | None = None) -> Detection:
        """Score the data, and flag scores above the threshold.

        Parameters
        ----------
        x : DataSet, Series or array
            As for `score`.
        threshold : float, optional
            Threshold to use, such as
            ``false_alarm_threshold(detector.calibration_scores, per_hour=1, sampling_rate=360)``.
            Default: the detector's `threshold`.

        Returns
        -------
        Detection
        """
        used: Any = None if threshold is None else as_threshold(threshold)
        data = self._check(x)
        scores, series = self._scores(data), data if isinstance(data, Series) else None
        if used is None:
            used = self.threshold
            if series is not None:
                self._compare_with_calibration(scores, series)
                if self.adapt and self.rule == "conformal quantile":
                    used = tracked_thresholds(
                        self.calibration_scores, scores, rate=self._rate_for(len(self.calibration_scores))
                    )
        return Detection(np.nan_to_num(scores), used, np.isnan(scores), series)

    def explain(self, x: Any) -> Explanation:
        """Reconstruct the data, and return the error of each time step and feature.

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

        def both(part: Reconstructed) -> np.ndarray:
            return np.concatenate([np.abs(part.differences), part.reconstruction + part.middle], axis=2)

        steps = self._windowing().over(data, model, both, columns=2 * data.n_features)
        errors, values = np.split(steps, 2, axis=1)
        return Explanation(errors, self._scaling.unscale(values), data.feature_names)

    @property
    def threshold(self) -> float:
        """Threshold set by `rule` on the calibration scores, for `rate_in_use`; with `adapt`, `detect` begins at it."""
        return self._by_rule(self.calibration_scores)

    @property
    def rate_in_use(self) -> float | None:
        """Rate of the threshold; None for the rules with `k`.

        It is `rate`, unless the conformal quantile cannot guarantee this rate with so few calibration scores. Then it
        is the lowest rate that n scores can guarantee, 1/(n + 1), and a warning says so. Before `fit`, it is `rate`.
        """
        if _RULES[self.rule].keyword != "rate":
            return None
        return self.rate if self.result is None else self._rate_for(len(self.calibration_scores))

    @property
    def calibration_scores(self) -> np.ndarray:
        """Scores of the calibration part, shape (n,) or (time,).

        The calibration part is normal and is used only to set the threshold. Scores of neighbouring time steps are not
        independent, so the false alarm rate is less accurate with n time steps of a series than with n sequences.
        """
        scores = self._once("scores", lambda: self._scores(self._parts[2], normal=True))
        return scores[~np.isnan(scores)]

    # ------------------------------------------------------------------ scikit-learn

    _estimator_type: ClassVar = "outlier_detector"  # for scikit-learn 1.5, which has no __sklearn_tags__

    def predict(self, x: Any) -> np.ndarray:
        """Return −1 for each sequence or time step that `detect` flags, and 1 for the others."""
        return np.where(self.detect(x).abnormal, -1, 1)

    def fit_predict(self, normal: Any, y: Any = None, **options: Any) -> np.ndarray:
        """Call `fit`, and return `predict` for the same data."""
        return self.fit(normal, y, **options).predict(normal)

    def score_samples(self, x: Any) -> np.ndarray:
        """Return the negative `score`: high values are normal."""
        return -self.score(x)

    def decision_function(self, x: Any) -> np.ndarray:
        """Return the threshold minus the `score`: high values are normal, flagged ones are negative."""
        detection = self.detect(x)
        return detection.threshold - detection.scores

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments of the constructor; with `deep`, also the trainer's, such as ``trainer__learning_rate``.

        The trainer is untrained: after `fit`, it is a copy of the given one. Hence `sklearn.base.clone` returns a
        detector that is not fitted.
        """
        name = None if self.name == type(self).__name__ else self.name
        params = {"trainer": self._given, "device": self._device, "name": name, **self.hyperparameters}
        if deep and self._given is not None:
            params |= {f"trainer__{key}": value for key, value in self._given.hyperparameters.items()}
        return params

    def set_params(self, **params: Any) -> AnomalyDetector:
        """Set arguments of the constructor, named as in `get_params`, and return the detector."""
        # the trainer's own parameters last: they belong to the new trainer
        for key, value in sorted(params.items(), key=lambda item: "__" in item[0]):
            if key == "trainer":
                if value is not None and not isinstance(value, Trainer):
                    example = "BatchedTrainer(LSTMAutoencoder())"
                    raise TypeError(f"trainer must be a Trainer, such as {example}, got {value!r}.")
                self._given = value
                self.trainer = value if self.result is None else self.trainer
            elif key == "device":
                as_device(value)
                self._device = value
            elif key not in self.get_params():
                raise ValueError(f"the parameter must be one of {', '.join(self.get_params())}, got {key!r}.")
            elif key.startswith("trainer__"):
                setattr(self._given, key.removeprefix("trainer__"), value)
            else:
                setattr(self, key, type(self).__name__ if key == "name" and value is None else value)
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags  # only in scikit-learn 1.6 and later

        return Tags("outlier_detector", TargetTags(required=False), input_tags=InputTags(three_d_array=True))

    def __sklearn_is_fitted__(self) -> bool:
        return self.result is not None

    @property
    def n_features_in_(self) -> int:
        """Number of columns of the array in `fit`, which are time steps; only for sequences of one feature."""
        if self.result is None or self._form.length is None or len(self._form.feature_names) > 1:
            raise AttributeError(f"n_features_in_ requires fit on an array (n, time), got {self.name!r} without it.")
        return self._form.length

    # ------------------------------------------------------------------ save and load

    kind_of_file: ClassVar = "detector"

    def to_content(self) -> dict[str, Any]:
        """Return the content of a file for `trainers.save`.

        With `error="neighbours"`, it includes latent vectors and errors of normal windows, from which these windows can
        be computed; with other errors, it includes no data.
        """
        if type(self) is not AnomalyDetector:
            raise TypeError(f"thing must be an AnomalyDetector, not of a subclass, got a {type(self).__name__}.")
        model, calibration_scores = self._trained_model(), self.calibration_scores
        gaussian = self._gaussian() if self.error == "gaussian" else None
        normal = self._normal_windows() if self.error == "neighbours" else None
        assert self.result is not None
        return {
            "name": self.name,
            "hyperparameters": self.hyperparameters,
            "form": asdict(self._form),
            "center": self._scaling.center,
            "divisor": self._scaling.divisor,
            "centre": self._centre,
            "window_length": self.window_length,
            "calibration_scores": calibration_scores,
            "gaussian": gaussian and {"mean": gaussian.mean, "precision": gaussian.precision},
            "seed_of_split": self._seed_of_split,
            **({} if normal is None else {"normal_windows": {**normal.to_content(), "longest": self._longest}}),
            "held_out": [_digest(part) for part in self._parts] or self._digests,
            "model": model_content(model),
            "result": {**self.result.to_content(), "model": None},
        }

    @classmethod
    def from_content(
        cls, content: dict[str, Any], model: nn.Module, device: torch.device, data: Any, allow: Sequence[str]
    ) -> AnomalyDetector:
        """Return the detector that a file describes, without a trainer."""
        # detectors of version 0.2 have constant thresholds, and networks that read single steps
        settings = {"adapt": False, "network": "steps", **content["hyperparameters"]}
        detector = cls(device=device, name=content["name"], **settings)
        names = tuple(content["form"]["feature_names"])
        form = detector._form = DataForm(**{**content["form"], "feature_names": names})
        detector._scaling = Scaling.of(content["center"], content["divisor"])
        if len(detector._scaling.center) != len(form.feature_names):
            raise ValueError(f"center must have {len(form.feature_names)} values, got {len(content['center'])}.")
        detector._centre, length = bool(content["centre"]), content["window_length"]
        detector.window_length = as_count(length, "window_length", "time steps", least=2) if form.series else None
        detector._model, detector.result = model, Result.from_content(content["result"], model)
        detector._digests, detector._seed_of_split = content["held_out"], content["seed_of_split"]
        if data is not None:
            normal, validation, calibration = data if isinstance(data, tuple) else (data, None, None)
            detector._parts = three_parts(normal, validation, calibration, detector._seed_of_split)
            detector._gap = 0 if validation is None else detector.window_length or 0
            detector._longest = None if form.series else detector._parts[0].length
            # files of version 0.2 have no digest of the training part
            if list(map(_digest, detector._parts))[-len(content["held_out"]) :] != content["held_out"]:
                if "data" not in allow:
                    raise ValueError("data must be the data of fit, got validation and calibration parts that differ.")
                return detector
        scores, gaussian = content["calibration_scores"], content["gaussian"]
        if gaussian is not None:
            n = len(form.feature_names)
            if gaussian["mean"].shape != (n,) or gaussian["precision"].shape != (n, n):
                raise ValueError(f"mean and precision must be for {n} features, got other shapes.")
            detector._cached["gaussian"] = detector._settings(), ErrorGaussian.of(**gaussian)
        if content.get("normal_windows"):
            windows = NormalWindows.of_content(**content["normal_windows"])
            detector._cached["normal windows"] = detector._settings(of_windows=True), windows
            detector._longest = content["normal_windows"]["longest"]
        detector._cached["scores"] = detector._settings(), as_scores(scores, "calibration_scores")
        return detector

    # ------------------------------------------------------------------ inside

    def _trained_model(self) -> Any:
        """Return the trainer's model; raise if the detector is not fitted."""
        if self.result is None:
            raise _NotFittedError(f"{self.name!r} is not fitted yet. Call fit(normal) first.")
        return self._model if self.trainer is None else self.trainer.model

    def _settings(self, *, of_windows: bool = False) -> tuple[Any, ...]:
        """Return all that the scores depend on, or the normal windows."""
        # PyTorch counts the changes of each parameter: continued training gives new scores
        weights = tuple(parameter._version for parameter in self._trained_model().parameters())
        if of_windows:
            return weights, self.smooth, self.max_missing
        return weights, self.stride, self.error, self.smooth, self.step_score, self.combine, self.max_missing

    def _once(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returns for the present settings, computed once; it needs the normal data."""
        settings = self._settings(of_windows=name == "normal windows")
        if name not in self._cached or self._cached[name][0] != settings:
            if not self._parts:
                got = "a detector loaded without data and with other settings: load(path, data=normal)"
                raise RuntimeError(f"{self.name!r} must have its normal data to compute its {name}, got {got}.")
            self._cached[name] = settings, compute()
        return self._cached[name][1]

    def _gaussian(self) -> ErrorGaussian:
        """Return the distribution of the errors on the validation part, as in EncDec-AD."""

        def fitted() -> ErrorGaussian:
            validation, model = self._sequences(self._parts[1]), self._trained_model()
            smooth = self._smooth(self.window_length or validation.length)
            if is_lazy(validation):
                validation = validation.subset(spread(len(validation), validation.sequences.shape[1:]))
            return ErrorGaussian(scoring.reconstruction_differences(model, validation, smooth=smooth))

        return self._once("gaussian", fitted)

    def _normal_windows(self) -> NormalWindows:
        """Return windows of all three parts, evenly spaced if there are too many."""

        def built() -> NormalWindows:
            model, parts, found = self._trained_model(), self._normal_parts(), []
            for part, share in zip(parts, self._shares(parts), strict=True):
                if isinstance(part, Series):
                    found.append(self._windowing().normal_windows(part, model, share))
                else:
                    chosen = np.linspace(0, len(part) - 1, min(len(part), share)).astype(int)
                    found.append(Reconstructed.of(model, self._sequences(part.subset(chosen)), chosen))
            length = max(part.windows.shape[1] for part in found)
            vectors = [vectors_of(model, part, self._smooth(length)) for part in found]
            latent, errors, levels = (
                np.concatenate([with_length(one, length) for one in column]) for column in zip(*vectors, strict=True)
            )
            values = np.concatenate([with_length(part.windows, length) for part in found])
            offsets = np.cumsum([0, *(len(part) + self._gap for part in parts)])
            positions = [part.starts + offset for part, offset in zip(found, offsets, strict=False)]
            return NormalWindows(
                latent, errors, levels, float(np.nanvar(values, 0).sum()), np.concatenate(positions),
                self.window_length or 1,
            )  # fmt: skip

        return self._once("normal windows", built)

    def _normal_parts(self) -> tuple[Any, ...]:
        """Return the normal data: one series if the parts follow one another, so that windows reach across parts."""
        if self._gap or self.window_length is None:
            return self._parts
        values = np.concatenate([part.values for part in self._parts])
        labels = [np.zeros(len(part), int) if part.labels is None else part.labels for part in self._parts]
        return (Series(values, labels=np.concatenate(labels), name=self._parts[0].name),)

    def _shares(self, parts: tuple[Any, ...]) -> list[int]:
        """Return how many windows of each part are among the normal windows."""
        row = self.window_length or max(part.length for part in parts)
        most = min(neighbours.MOST_WINDOWS, neighbours.MOST_VALUES // (row * parts[0].n_features))
        share = min(1, most / sum(map(len, parts)))
        return [max(1, int(share * len(part))) for part in parts]

    def _distances(self, part: Reconstructed, smooth: int, *, normal: bool) -> np.ndarray:
        """Return the distances to the nearest normal window; if `normal`, of windows of the calibration part."""
        positions = part.starts + sum(len(one) + self._gap for one in self._parts[:2]) if normal else None
        return self._normal_windows().distances(*vectors_of(self._trained_model(), part, smooth), positions)

    def _sequences(self, data: Any, *, every_step: bool = False) -> DataSet:
        """Return the network input: scaled sequences, or scaled windows of a series, every `stride` steps or denser."""
        if isinstance(data, DataSet):
            return self._scaling.scaled(data)
        windowing = self._windowing()
        dense = windowing.dense(data)
        return (dense if every_step and dense.stride < windowing.stride else windowing).data_set(data)

    def _windowing(self) -> Windowing:
        assert self.window_length is not None
        return Windowing(self.window_length, self.stride, self._centre, self.max_missing, self._scaling)

    def _default_trainer(self, training: DataSet, *, on_series: bool) -> Trainer:
        patches = self.network == "patches"
        patch_size = max(1, round(training.length / 8)) if patches else 1
        model = LSTMAutoencoder(n_features=training.n_features, latent_size=32, patch_size=patch_size, seed=self.seed)
        size, steps, rate, warmup = (64, 30, 0.02, 1.0) if patches else (32, 50 if on_series else None, 0.01, 3.0)
        return BatchedTrainer(
            model, self._device, batch_size=min(size, len(training)), steps_per_epoch=steps, learning_rate=rate,
            schedule="cosine", warmup_epochs=min(warmup, self.epochs / 2), seed=self.seed,
        )  # fmt: skip

    def _by_rule(self, scores: np.ndarray) -> float:
        rule = _RULES[self.rule]
        value = self._rate_for(len(scores)) if rule.keyword == "rate" else self.k
        return rule.function(scores, **{rule.keyword: value})

    def _rate_for(self, n: int) -> float:
        """Return `rate`, or with a warning the lowest rate that the rule guarantees with n scores."""
        least = 1 / (n + 1)
        # round, as in quantile_threshold
        if not _RULES[self.rule].promises_rate or round(self.rate / least, 9) >= 1:
            return self.rate
        if self._warned != (self.rate, n):
            self._warned = (self.rate, n)
            limit = f"at least 1/(n + 1) = {digits(least)}, the lowest rate that n = {n} calibration scores guarantee"
            used = f"{digits(least)} is used. For a lower rate, add normal data."
            warnings.warn(f"rate must be {limit}, got {digits(self.rate)}; {used}", stacklevel=5)
        return least

    def _check_rule(self, calibration: Any, windowing: Windowing | None) -> None:
        """Raise or warn before training if the rule cannot set a threshold on this number of scores."""
        if windowing:
            length = windowing.length
            starts, _ = windowing.usable_starts(calibration)
            # steps in any of these windows
            n = length + int(np.minimum(np.diff(starts), length).sum())
        else:
            n, length = len(calibration), calibration.length
        self._smooth(length)
        # the same number of scores, from a distribution that every rule accepts
        self._by_rule(-np.log1p(-np.arange(n) / n))

    def _check(self, x: Any) -> Any:
        """Return `x` as data; raise if its kind or number of features differs from the data in `fit`."""
        self._trained_model()
        data = matched(as_data(x, "x"), self._form, "x")
        if self.window_length is not None and len(data) < self.window_length:
            least = f"at least {self.window_length} steps (a window)"
            raise ValueError(f"{data.name!r} must have {least}, got {len(data)}.")
        return data

    def _scores(self, data: Any, *, normal: bool = False) -> np.ndarray:
        """Return the scores as in `score`, but NaN where nothing can be scored; see `Windowing.over` for `normal`."""
        model, smooth = self._trained_model(), self._smooth(self.window_length or data.length)
        gaussian = self._gaussian() if self.error == "gaussian" else None
        if isinstance(data, Series):

            def step_scores(part: Reconstructed) -> np.ndarray:
                if self.error == "neighbours":
                    return scoring.in_all_steps(self._distances(part, smooth, normal=normal), part.windows.shape[1])
                differences = scoring.smoothed(part.differences, smooth)
                return scoring.window_scores(differences, self.error, gaussian, self.step_score)

            scores = self._windowing().over(data, model, step_scores, combine=self.combine, normal=normal)[:, 0]
            return level_ends(scores, self._windowing().length) if self.error == "neighbours" else scores
        sequences = self._sequences(data)
        if self.error != "neighbours":
            return scoring.reconstruction_error(model, sequences, kind=self.error, smooth=smooth, gaussian=gaussian)
        parts = (
            Reconstructed.of(model, sequences.subset(at), at)
            for at in chunks(len(sequences), sequences.sequences.shape[1:])
        )
        return np.concatenate([self._distances(part, smooth, normal=normal) for part in parts])

    def _compare_with_calibration(self, scores: np.ndarray, series: Series) -> None:
        """Warn if most scores are clearly higher than nearly all calibration scores."""
        usual, high = float(np.nanmedian(np.append(scores, 0.0))), float(np.quantile(self.calibration_scores, 0.9))
        # more than rounding errors
        if usual > UNLIKE * high + 1e-6:
            got = f"a median score of {digits(usual)}, while 90 % of the calibration scores are below {digits(high)}"
            remedy = "If this series is normal, also train on data like it."
            warnings.warn(f"{series.name!r} must be like the calibration part, got {got}. {remedy}", stacklevel=3)

    def _smooth(self, length: int) -> int:
        if self.error == "neighbours" and self.step_score == "point":
            raise ValueError('step_score must be "window" with error="neighbours", got "point".')
        if self.smooth is None:
            # the windows of a series are averaged at each step, a sequence is alone
            longest = self._longest or length
            return max(1, round(longest / 16)) if self.error == "neighbours" and self.window_length is None else 1
        return as_count(self.smooth, f"smooth of {self.name!r}", "in time steps", most=length)


def _digest(data: DataSet | Series) -> str:
    """Return a checksum of the values of a part of the data."""
    return describe_set(data) if isinstance(data, DataSet) else digest_of(torch.from_numpy(data.values))
