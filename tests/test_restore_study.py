"""The study of history restore: what is read off one run, its statistics, and a small study from files to the page."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from data import load_ecg5000, load_ecg_diff_count
from trainers import BatchedTrainer
from trainers.torch_utils import copy_state

from .benchmarks import restore_study
from .benchmarks.restore_study import (
    CONTROLS,
    READ_OFF,
    REFERENCE,
    VARIANTS,
    Regime,
    average,
    data_sets,
    parts_of_recording,
    parts_of_set,
    read_off,
    restores_early,
    trained,
)
from .benchmarks.restore_tables import (
    ALL,
    by_data_set,
    compact,
    corrected_interval,
    holm,
    over_data_sets,
    verdict,
)

REGIME = Regime({"learning_rate": 0.2, "max_grad_norm": None}, training=60, validation=10)
# validation losses of the six epochs, the same on every processor
LOSSES = [3.0, 1, 4, 2, 0.5, 6]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Make training runs short."""
    monkeypatch.setattr(restore_study, "EPOCHS", 6)
    monkeypatch.setattr(restore_study, "STEPS", 2)


@pytest.fixture
def given_losses(monkeypatch):
    """Replace the validation losses of all training runs."""
    monkeypatch.setattr(BatchedTrainer, "validation_loss", lambda self, model: LOSSES[len(self.history)])


@pytest.fixture(scope="module")
def parts():
    return parts_of_set(load_ecg5000().subset(slice(0, 5000, 20)), seed=0)


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.usefixtures("given_losses")
def test_at_the_end_and_off_read_off_one_run_equal_their_own_runs(parts):
    result, states = trained(parts, REGIME, 0, {"restore": "off"})
    weights = read_off(LOSSES, states)
    assert equal(copy_state(result.model), weights["off"])
    own, _ = trained(parts, REGIME, 0, {"restore": REFERENCE})
    assert equal(copy_state(own.model), weights[REFERENCE])
    assert equal(weights[REFERENCE], states[4])
    assert not equal(weights["off"], weights[REFERENCE])


@pytest.mark.usefixtures("given_losses")
@pytest.mark.parametrize(
    ("options", "restored"),
    [({}, [3, 4, 6]), ({"patience": 1}, [4]), ({"patience": 2}, []), ({"min_delta_ratio": 4.5}, [6])],
)
def test_variant_without_early_restore_equals_at_the_end(parts, options, restored):
    _, states = trained(parts, REGIME, 0, {"restore": "off"})
    own, _ = trained(parts, REGIME, 0, options)
    assert own.history.restored_epochs == restored
    # a restore after the last epoch does not change the result
    early = any(epoch < 6 for epoch in restored)
    assert restores_early(LOSSES, **options) == early
    assert equal(copy_state(own.model), read_off(LOSSES, states)[REFERENCE]) == (not early)


@pytest.mark.parametrize(
    ("losses", "options", "expected"),
    [
        ([3, 2, 1, 2], {}, False),  # only the last epoch is worse
        ([3, 2, 2.05, 1], {}, True),
        ([3, 2, 2.05, 1], {"min_delta_ratio": 0.05}, False),
        ([3, 4, 4, 4, 3], {"patience": 3}, False),
        ([3, 4, 4, 4, 4, 3], {"patience": 3}, True),
    ],
)
def test_early_restores_follow_patience_and_tolerance(losses, options, expected):
    assert restores_early(losses, **options) == expected


@pytest.mark.usefixtures("given_losses")
def test_plateau_cuts_rate_when_patience_would_restore(parts):
    settings = {"patience": 1, "lr_factor": 0.5}
    cut, states = trained(parts, REGIME, 0, {**settings, "restore": REFERENCE})
    restoring, others = trained(parts, REGIME, 0, settings)
    assert (cut.history.restored_epochs, restoring.history.restored_epochs) == ([], [4])
    for result in (cut, restoring):
        assert [row.learning_rate for row in result.history] == pytest.approx([0.2, 0.2, 0.2, 0.2, 0.1, 0.1])
    assert [equal(a, b) for a, b in zip(states, others, strict=True)] == [True] * 4 + [False] * 2


def test_average_of_weights():
    states = [{"w": torch.tensor([1.0, 2])}, {"w": torch.tensor([3.0, 6])}]
    torch.testing.assert_close(average(states), {"w": torch.tensor([2.0, 4])})
    states = [{"w": torch.tensor(float(i))} for i in range(6)]
    found = {name: float(state["w"]) for name, state in read_off([5, 1, 4, 2, 1, 6], states).items()}
    assert found == {
        "off": 5,
        REFERENCE: 1,
        "average of the best 3": pytest.approx(8 / 3),
        "average of the last third": 4.5,
    }


def test_recording_has_disjoint_folds():
    recording = load_ecg_diff_count()
    recording = recording._replace(training=recording.training[:1000], test=recording.test[1000:2000])
    # the value of a step is its position, and a window minus its mean loses it: scale and centring are left out
    recording.training.values[:] = np.arange(1000)[:, None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restore_study, "centred", lambda values: values)
        patch.setattr(restore_study.Scaling, "scale", lambda self, values: values)
        judged = []
        for seed in range(5):
            parts = parts_of_recording(recording, seed)
            steps = [{*part.ravel().astype(int)} for part in parts[:3]]
            assert not steps[0] & steps[1] | steps[0] & steps[2] | steps[1] & steps[2]
            assert (len(steps[0]), len(steps[1])) == (600, 200)
            assert 150 < len(steps[2]) <= 200
            judged.append(steps[2])
        assert not set.intersection(*judged[:2]), "each seed judges on another fold"
    assert 0 < parts.abnormal.mean() < 1


def test_set_is_judged_on_normal_sequences_that_chose_nothing(parts):
    n = [len(part) for part in parts[:4]]
    assert len(parts.abnormal) == n[3] > n[2] > 0
    assert parts.ratio == n[2] / n[0]
    chosen = np.concatenate([parts.training, parts.validation])
    assert not (parts.judging[:, None] == chosen[None]).all((2, 3)).any()


def test_interval_is_that_of_nadeau_and_bengio():
    # variance 2.5 of five values, factor 1/5 + 0.3, t quantile 2.776 for four degrees of freedom
    assert corrected_interval([1, 2, 3, 4, 5], 0.3) == pytest.approx((3, 3 - 3.104, 3 + 3.104), abs=1e-3)
    values = [0.3, -0.1, 0.4, 0.2]
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert corrected_interval(values, 0.0)[1:] == pytest.approx((expected.low, expected.high))


def test_holm_multiplies_and_stays_monotone():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.6]), [0.04, 0.09, 0.09, 0.6])
    np.testing.assert_allclose(holm([0.5, 0.9]), [1, 1])


def made_up_rows(changes):
    """Return rows of six data sets and two seeds, in which variants have these losses relative to the reference."""
    rows = []
    for data in range(6):
        for seed in range(2):
            for variant, change in {REFERENCE: 1.0, **changes}.items():
                loss = (data + 1 + seed) * change ** (1 + 0.01 * data)
                rows.append({"data": f"set {data}", "regime": "constant rate", "seed": seed, "variant": variant,
                             "loss": loss, "auroc": 0.9, "ratio": 0.3})  # fmt: skip
    return pd.DataFrame(rows)


def test_summary_and_verdict_of_known_changes():
    rows = made_up_rows({"off": 1.0, "patience 3": 0.9, "rate × 0.5": 1.2})
    table = by_data_set(rows, dict.fromkeys(("off", "patience 3", "rate × 0.5"), REFERENCE))
    assert table[table.variant == "patience 3"]["mean"].to_numpy()[:6] == pytest.approx(
        np.log(0.9) * (1 + 0.01 * np.arange(6))
    )
    summary = over_data_sets(table)
    # six of six: p = 2 / 2⁶; Holm multiplies the two smallest of three by 3 and 2
    overall = summary[summary.regime == ALL].set_index("variant")
    assert overall.p.to_dict() == pytest.approx({"off": 1, "patience 3": 2 / 64, "rate × 0.5": 2 / 64})
    assert overall.holm.to_dict() == pytest.approx({"off": 1, "patience 3": 6 / 64, "rate × 0.5": 6 / 64})
    assert overall[["better", "worse"]].to_numpy().tolist() == [[0, 0], [6, 0], [0, 6]]
    assert overall["clearly better"].tolist() == [0, 6, 0]
    none = summary.iloc[:0]
    assert "beat *at the end*: none." in verdict(summary, none, [], REFERENCE)
    certain = summary.assign(holm=summary.p)
    text = verdict(certain, none, ["off"], REFERENCE)
    assert "beat *at the end*: patience 3 (constant rate, all regimes)." in text
    assert "over all regimes: rate × 0.5." in text
    assert text.endswith("Lowest loss over all regimes: patience 3.")
    cells = compact(certain)
    assert [*cells.columns] == ["variant", "constant rate", ALL, "better, worse"]
    assert cells.iloc[1].tolist() == ["patience 3", r"-10.2\*", r"-10.2\*", "6, 0"]


def test_study_continues_and_writes_page(tmp_path, monkeypatch, capsys):
    beats = load_ecg5000().subset(slice(0, 5000, 20))
    (tmp_path / "ucr").mkdir()
    x, y = beats.sequences.numpy(), np.asarray(beats.labels)
    for name in ("first", "second"):
        np.savez(tmp_path / f"ucr/{name}.npz", x_train=x[:90], y_train=y[:90], x_test=x[90:], y_test=y[90:])
    page, picture = tmp_path / "restore_study.md", tmp_path / restore_study.FIGURE
    empty = "<!-- begin restore_study -->\n<!-- end restore_study -->\n"
    page.write_text(empty, encoding="utf-8")
    picture.parent.mkdir(parents=True, exist_ok=True)
    found = data_sets(tmp_path, 0)
    assert [*found][-2:] == ["first", "second"]
    monkeypatch.setattr(restore_study, "data_sets", lambda *_: {name: found[name] for name in ("first", "second")})
    monkeypatch.setattr(restore_study, "REGIMES", {"high rate": REGIME, "constant rate": Regime()})
    monkeypatch.setattr(restore_study, "PAGE", page)
    runs = []
    monkeypatch.setattr(restore_study, "trained", lambda *args: runs.append(args) or trained(*args))

    def run(seeds, *more):
        options = ["--seeds", str(seeds), "--jobs", "1", "--out", str(tmp_path / "out"), *more]
        monkeypatch.setattr(sys, "argv", ["restore_study", str(tmp_path), *options])
        restore_study.main()
        return pd.read_csv(tmp_path / "out/by_run.csv")

    rows = run(2)
    names = [*READ_OFF, REFERENCE, *VARIANTS]
    assert rows.groupby(["data", "regime", "seed"]).size().tolist() == [len(names)] * 8
    assert {*rows.variant} == {*names}
    assert np.isfinite(rows[["loss", "auroc"]]).all(axis=None)
    assert rows.auroc.between(0, 1).all()
    assert (rows.seconds > 0).sum() == len(runs), "each training run counts once"
    assert page.read_text(encoding="utf-8") == empty, "the page of other data must stay"
    text = (tmp_path / "out/tables.md").read_text(encoding="utf-8")
    assert text.count("\n| every worse epoch | ") == 1
    assert text.count("| every worse epoch |") == 1 + 3, "the compact table, and one row for each regime and all"
    for restore, control in CONTROLS.items():
        assert control in text
        assert text.count(f"| {ALL} | {restore} |") == 2, "against *at the end*, and against the same cut alone"
    # remove one cell: only this one is measured again
    next((tmp_path / "out/cells").glob("*.json")).unlink()
    before, _ = len(runs), runs.clear()
    again = run(2)
    assert 0 < len(runs) < before
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), rows.drop(columns="seconds"))
    run(2, "--page")
    assert "| every worse epoch | " in page.read_text(encoding="utf-8")
    assert picture.read_bytes()[:4] == b"\x89PNG"
