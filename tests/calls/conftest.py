"""Threads are a subject of these tests, so each call starts its own, as in the product."""

import threading

import pytest

from podid.calls import deadline, pacing


@pytest.fixture(autouse=True)
def _own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (deadline, pacing):
        monkeypatch.setattr(module, "threading", threading)
