"""Every test of calls starts its own threads."""

import pytest


@pytest.fixture(autouse=True)
def _own_threads(own_threads: None) -> None:
    """Use the fixture in every test of this folder."""
