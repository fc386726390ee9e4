"""Small words that the widgets' tests are written in."""

from __future__ import annotations

import base64
import json
import re

import numpy as np


def built(monitor):
    """A monitor whose widgets exist, as after it was displayed."""
    monitor._build()
    return monitor


def at(epoch, do):
    """A callback that does something after an epoch, once."""
    return lambda row, state: row.epoch == epoch and do()


def page_data(path):
    """The data in a written page."""
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])


def unpacked(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)
