"""Worlds and files of the tests of command lines."""

import json
from pathlib import Path

import pytest

from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox


@pytest.fixture
def two(box: Sandbox) -> Sandbox:
    """Return a sandbox with two associations."""
    add_association(box.world, "shop", "orders", "storefront")
    add_association(box.world, "shop", "pay", "orders-dynamodb")
    return box


POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "read.json"
    path.write_text(json.dumps(POLICY))
    return {"policy": str(path), "journal": str(tmp_path / "journal")}
