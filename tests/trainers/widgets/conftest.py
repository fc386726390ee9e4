"""Fixtures of the monitor's tests: a page that handles messages as chart.js does."""

from __future__ import annotations

import json

import pytest

from trainers.widgets.chart import Chart


@pytest.fixture
def page(monkeypatch):
    """Return the content of a page after all messages, handled as in chart.js."""
    content = {"rows": {}, "rewind": None, "asked": 0}

    def receive(self, message):
        message = json.loads(json.dumps(message, allow_nan=False))
        if message["kind"] == "all":
            content["rows"] = {run["name"]: [row[0] for row in run["rows"]] for run in message["data"]["runs"]}
            content["rewind"] = message["rewind"]
        elif message["kind"] == "rows":
            rows = list(content["rows"].values())[-1]
            for row in message["rows"]:
                rows += [row[0]] * (row[0] == len(rows) + 1)
        elif message["kind"] == "rewind":
            content["rewind"] = message
        if "more" in message:
            content["text"] = message["more"]["state"]["text"]
        elif "data" in message:
            content["text"] = message["data"]["state"]["text"]

    monkeypatch.setattr(Chart, "send", receive)
    return content
