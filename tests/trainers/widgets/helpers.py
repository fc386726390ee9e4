"""Helpers of the widgets' tests."""

from __future__ import annotations

import base64
import json
import re

import numpy as np


def built(monitor):
    """Build a monitor's widgets, as if it was displayed, and return the monitor."""
    monitor._build()
    return monitor


def at(epoch, do):
    """Return a callback that calls `do` after an epoch."""
    return lambda row, state: row.epoch == epoch and do()


def page_data(path):
    """Return the data in a written page."""
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])


def unpacked(text, kind):
    """Return an array from base64 text."""
    return np.frombuffer(base64.b64decode(text), kind)
