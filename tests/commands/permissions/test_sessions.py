"""The sessions of can-i and privileges: of service accounts, pods, roles and files."""

import json
from typing import Any

from ops.permissions.support import document, levels, privileges
from worlds import Site


def test_roles_files_and_pods(healthy: Site, tmp_path: Any) -> None:
    expected = levels(privileges(healthy, "shop/orders"))
    (name, *_) = healthy.cluster.pod_names("shop", "orders")
    assert (
        levels(privileges(healthy, f"pod/shop/{name}"))
        == levels(privileges(healthy, "--role", "shop-orders"))
        == expected
    )
    file = tmp_path / "p.json"
    file.write_text(json.dumps(document("dynamodb:GetItem", "dynamodb:Query")))
    assert levels(privileges(healthy, "--policy-file", str(file))) == expected
    assert healthy("privileges").code == 2
    assert healthy("privileges", "shop/orders", "--role", "shop-orders").code == 2
    assert healthy("privileges", "shop/nosuch").code == 5
