"""A script of version 0.1 with every name that was renamed in version 0.2; see `test_deprecated.py`."""

import numpy as np

from data import Series, check_series
from data.series_check import Finding
from trainers import BatchedTrainer, Hyperparameter, LSTMAutoencoder, StopRun, benchmark
from trainers.block import Block
from trainers.detection import Detection
from trainers.history_restore import HistoryRestore
from trainers.widgets import ThresholdExplorer


class Smoother(Block):
    width = Hyperparameter(5, meaning="steps in the moving average", minimum=1, fixed=True)


declared = Smoother.declared()["width"]
assert (declared.meaning, declared.fixed, declared.takes) == (
    "steps in the moving average",
    True,
    "an integer of at least 1",
)


class Unclipped(BatchedTrainer):
    clip_norm = None


beats = np.sin(np.linspace(0, 6.28, 20))[None].repeat(12, 0)
trainer = Unclipped(
    LSTMAutoencoder(hidden_size=2), batch_size=4, n_batches=2, tolerance=0.5, moments="reset", learning_rate_factor=0.5
)
assert trainer.steps_per_epoch == trainer.n_batches == 2
assert (trainer.min_delta_ratio, trainer.tolerance) == (0.5, 0.5)
assert (trainer.optimizer_state, trainer.moments) == ("reset", "reset")
assert (trainer.lr_factor, trainer.learning_rate_factor) == (0.5, 0.5)
assert trainer.max_grad_norm is None
assert trainer.clip_norm is None
trainer.clip_norm = 2.0
trainer.queue("n_batches", 1)
assert (trainer.max_grad_norm, trainer.steps_per_epoch) == (2.0, 1)


def stop(row, state):
    assert row.in_words() == row.as_text()
    raise StopRun("by a callback of version 0.1")


assert benchmark(trainer, beats, beats, epochs=3, callbacks=[stop]).stopped.endswith("version 0.1")
assert HistoryRestore(worse_in_a_row=3).worse_in_a_row == 3

detection = Detection(np.zeros(2), 1.0, unjudged=np.array([True, False]))
assert detection.unjudged.tolist() == detection.unscored.tolist() == [True, False]

explorer = ThresholdExplorer([0.1, 0.2], false_alarm_price=1, miss_price=5)
explorer.miss_price = 7
assert (explorer.false_alarm_price, explorer.miss_price, explorer.miss_cost) == (1, 7, 7)


def first_finding(change, start, stop=None):
    values = np.sin(np.arange(2000) / 9)
    values[start:stop] = change(values[start:stop])
    return next(one for one in check_series(Series(values)) if one.feature)


finding = first_finding(lambda values: 0.3, 700, 760)
assert finding.check == "stuck"
assert finding.verdict == "mend"
assert isinstance(finding, Finding)
assert first_finding(lambda values: -99.0, 400, 402).check == "far off"
finding = first_finding(lambda values: 3 * values, 1000)
assert finding.check == "likeness"
assert finding.verdict == "look"
assert check_series(Series(np.sin(np.arange(2000) / 9))).findings[-1].verdict == "fine"
