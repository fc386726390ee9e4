"""Old names: each works, with a warning that has the new name and the user's line."""

import ast
import copy
import pickle
import runpy
import warnings
from pathlib import Path

import pytest

from data import Series, check_series
from data._deprecated import RENAMED, RenamedValue
from trainers import BatchedTrainer, Hyperparameter, LSTMAutoencoder

SCRIPT = Path(__file__).with_name("old_names.py")
CHANGELOG = Path(__file__).resolve().parents[2] / "CHANGELOG.md"
OLD_NAMES = [(owner, old, new) for owner, names in RENAMED.items() for old, new in names.items()]


def test_script_with_every_old_name_runs_and_warns_at_its_own_lines():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runpy.run_path(str(SCRIPT))
    told = [one for one in caught if one.category is DeprecationWarning and "is deprecated, use" in str(one.message)]
    messages = {str(one.message) for one in told}
    assert messages == {f"{owner}: {old!r} is deprecated, use {new!r}." for owner, old, new in OLD_NAMES}
    # At the statements with the old names, or Python would not show them.
    assert {Path(one.filename).name for one in told} == {SCRIPT.name}
    text = SCRIPT.read_text()
    statements = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)]
    for one in told:
        around = [node for node in statements if node.lineno <= one.lineno <= (node.end_lineno or 0)]
        innermost = min(around, key=lambda node: (node.end_lineno or 0) - node.lineno)
        assert str(one.message).split("'")[1] in str(ast.get_source_segment(text, innermost))


def test_new_names_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=2), steps_per_epoch=2, max_grad_norm=None)
        trainer.lr_factor = 0.5
        copy.deepcopy(trainer)
        repr(trainer), trainer._repr_html_()


@pytest.mark.parametrize(("owner", "old", "new"), OLD_NAMES)
def test_changelog_lists_each_rename(owner, old, new):
    assert f"| `{owner}` | `{old}` | `{new}` |" in CHANGELOG.read_text(encoding="utf-8").splitlines()


def test_old_and_new_name_together_raise():
    with pytest.warns(DeprecationWarning, match="n_batches"), pytest.raises(TypeError, match="each argument once, got"):
        BatchedTrainer(LSTMAutoencoder(hidden_size=2), n_batches=2, steps_per_epoch=2)


def test_unknown_name_raises_as_ever():
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=2))
    with pytest.raises(AttributeError, match="has no attribute 'no_name'"):
        trainer.no_name  # noqa: B018 - the access is what is tested
    with pytest.raises(TypeError, match="has no hyperparameter 'batches'"):
        BatchedTrainer(LSTMAutoencoder(hidden_size=2), batches=2)


def test_subclass_may_declare_an_old_name():
    class Own(BatchedTrainer):
        tolerance = Hyperparameter(3, "grid points")

        def moments(self):
            return "of inertia"

        @property
        def clip_norm(self):
            return "a property"

    own = Own(LSTMAutoencoder(hidden_size=2))
    assert own.declared()["tolerance"].default == 3
    assert own.moments() == "of inertia"
    assert own.clip_norm == "a property"


def test_state_of_an_old_pickle_has_new_names():
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=2), steps_per_epoch=7)
    state = vars(trainer) | {"n_batches": 9}
    del state["steps_per_epoch"]
    restored = BatchedTrainer.__new__(BatchedTrainer)
    restored.__setstate__(state)
    assert restored.steps_per_epoch == 9
    assert pickle.loads(pickle.dumps(trainer)).steps_per_epoch == 7


def test_renamed_value_is_a_string():
    (finding, *_) = check_series(Series([0.0] * 100))
    assert isinstance(finding.verdict, str)
    assert repr(finding.verdict) == "'fix'"
    for copied in (finding.verdict, copy.deepcopy(finding.verdict), pickle.loads(pickle.dumps(finding.verdict))):
        assert copied == "fix"
        assert copied != "ok"
        assert copied != 3
        assert {copied} == {"fix"}
        with pytest.warns(DeprecationWarning, match="use 'fix'"):
            assert copied == "mend"
        with pytest.warns(DeprecationWarning, match="use 'fix'"):
            assert (copied != "mend") is False
    assert RenamedValue("ok", "Finding.verdict") != "mend"
