"""With any permission less, no command says that pods may perform an action that is denied."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from e2e.test_denied_reads import with_a_permission_less
from ops.permissions.support import document, managed, put
from worlds import TARGET, Site

ACTION = "s3:DeleteObject"
REPORTS = "arn:aws:s3:::reports"


def denied_inline(site: Site) -> None:
    put(site, "no", document(ACTION, effect="Deny"))


def denied_managed(site: Site) -> None:
    arn = managed(site, "no", document(ACTION, effect="Deny"))
    site.aws("iam").attach_role_policy(RoleName="shop-orders", PolicyArn=arn)


def outside_the_boundary(site: Site) -> None:
    arn = managed(site, "limit", document("s3:Get*", "dynamodb:*"))
    site.aws("iam").put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=arn)


def outside_the_session_policy(site: Site) -> None:
    file = site.directory / "session.json"
    file.write_text(json.dumps(document("dynamodb:*")))
    site.must(
        "associate", "shop/orders", "--session-policy", str(file), "--replace", "--update-trust", "--wait", "none"
    )


def denied_to_the_target_role(site: Site) -> None:
    site.with_target()
    put(site, "all", document("s3:*", "sts:*"), role=TARGET)
    put(site, "no", document(ACTION, effect="Deny"), role=TARGET)


def not_to_be_assumed(site: Site) -> None:
    site.with_target()
    put(site, "all", document("s3:*", "sts:*"), role=TARGET)
    put(site, "no", document("sts:TagSession", effect="Deny"))


def denied_by_the_bucket(site: Site) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    site.box.world.resource_policies[REPORTS] = {"Version": "2012-10-17", "Statement": [statement]}


DENIALS: tuple[Callable[[Site], None], ...] = (
    denied_inline,
    denied_managed,
    outside_the_boundary,
    outside_the_session_policy,
    denied_to_the_target_role,
)
DENIALS += (not_to_be_assumed, denied_by_the_bucket)


@pytest.mark.parametrize(
    "deny", [item if item is denied_managed else pytest.param(item, marks=pytest.mark.rare) for item in DENIALS]
)
def test_a_denied_action_is_never_allowed(healthy: Site, deny: Callable[[Site], None]) -> None:
    put(healthy, "all", document("s3:*", "sts:*"))
    deny(healthy)
    on_resource = ("--resource", f"{REPORTS}/x")
    lines = [("can-i", "shop/orders", ACTION), ("who-can", ACTION), ("privileges", "shop/orders")]
    if deny is denied_by_the_bucket:
        lines = [("can-i", "shop/orders", ACTION, *on_resource)]
    for words in lines:
        tried = 0
        for permission, _, less in with_a_permission_less(healthy, f"{' '.join(words)} -o json", (0, 3)):
            tried += 1
            if less.code in (4, 8):
                continue
            report = less.json
            assert not allowed(report) or permission in unchecked(report), (words, permission, report)
            if words[0] == "can-i":
                assert less.code in (3, 9) or permission in unchecked(report), (permission, less)
        assert tried >= 4, words


def allowed(report: Any) -> bool:
    """Whether the document says that the pods may perform the action on any resource."""
    if report["kind"] != "Privileges":
        return any(item["verdict"] == "allowed" and not item["except"] for item in report["items"])
    levels = (level for item in report["services"] for level in item["levels"])
    return any(ACTION in level["actions"] for level in levels)


def unchecked(report: Any) -> set[str]:
    return {item["permission"] for item in report["notChecked"] if item["permission"]}
