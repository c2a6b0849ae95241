"""Fixtures of the tests of commands about files."""

from pathlib import Path

import pytest

from ops.declare.worlds import Filed
from worlds import Site


@pytest.fixture
def file(site: Site) -> Path:
    """Return a file that declares a role and its association with shop/cart."""
    role = {"name": "web", "policies": [{"managed": "AmazonS3ReadOnlyAccess"}]}
    return Filed(site).write(roles=[role], associations=[{"serviceAccount": "shop/cart", "role": "web"}])
