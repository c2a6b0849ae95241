"""The site of the tests of the server."""

import pytest

from worlds import Site


@pytest.fixture
def entered(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    site.with_samples().enter(monkeypatch)
    return site
