"""What the monitor's tests share: a page that takes its messages as chart.js does."""

from __future__ import annotations

import json

import pytest

from trainers.widgets.chart import Chart


@pytest.fixture
def page(monkeypatch):
    """What a page would hold: the messages, taken as chart.js takes them."""
    held = {"rows": {}, "rewind": None, "asked": 0}

    def take(self, message):
        message = json.loads(json.dumps(message, allow_nan=False))
        if message["kind"] == "all":
            held["rows"] = {run["name"]: [row[0] for row in run["rows"]] for run in message["data"]["runs"]}
            held["rewind"] = message["rewind"]
        elif message["kind"] == "rows":
            rows = list(held["rows"].values())[-1]
            for row in message["rows"]:
                rows += [row[0]] * (row[0] == len(rows) + 1)
        elif message["kind"] == "rewind":
            held["rewind"] = message
        if "more" in message:
            held["text"] = message["more"]["state"]["text"]
        elif "data" in message:
            held["text"] = message["data"]["state"]["text"]

    monkeypatch.setattr(Chart, "send", take)
    return held
