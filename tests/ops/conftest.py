"""Fixtures of the operations' tests."""

import pytest

from worlds import Site

from . import shop as shops


@pytest.fixture
def shop(site: Site, monkeypatch: pytest.MonkeyPatch) -> shops.Shop:
    site.with_agent().enter(monkeypatch)
    return shops.associated_shop(site)
