"""What a run's state is called in a page, in a picture's alt text and in a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from trainers.history import History


def in_words(histories: Mapping[str, History]) -> str:
    """The runs, for who cannot see them."""
    return "; ".join(f"{name}: {outcome(history)}" for name, history in histories.items()) or "No run yet."


def outcome(history: History) -> str:
    """How far a history came, its best epoch and its restores."""
    text = f"{len(history)} epoch{'s' * (len(history) != 1)}"
    if history.best is not None:
        text += f", best {history.best.epoch or 'the start'} (validation loss {history.best.validation_loss:.4g})"
    fired = len(history.restored_epochs)
    return text + (f", restored {fired} time{'s' * (fired != 1)}" if fired else ", never restored")


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> duration(7.2), duration(600), duration(7200)
    ('7 s', '10 min', '2.0 h')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
