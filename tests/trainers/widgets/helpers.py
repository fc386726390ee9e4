"""Small words that the monitor's tests are written in."""

from __future__ import annotations


def built(monitor):
    """A monitor whose widgets exist, as after it was displayed."""
    monitor._view.build()
    return monitor


def at(epoch, do):
    """A callback that does something after an epoch, once."""
    return lambda row, state: row.epoch == epoch and do()
