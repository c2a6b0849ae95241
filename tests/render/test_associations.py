"""Associations as rows, as documents and as facts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from checks.builder import CLUSTER_ARN, NOW, ROLE_ARN, UNREAD, association
from harness import table
from podid.domain.aws import Listed
from podid.domain.encoding import plain
from podid.domain.errors import Again, UsageError
from podid.ops.association.details import Details, PodCounts
from podid.ops.association.request import ListOptions
from podid.render.associations import (
    ALL_COLUMNS,
    association_facts,
    association_list_view,
    check_columns,
    details_of,
    owner_name,
)
from podid.render.view import View

from .identities import STALE

ORDERS = association()
CHAINED = association("shop", "cart", target_role_arn=f"{ROLE_ARN}-next", policy="{}", disable_session_tags=True)
DETAILS = {"a-orders": Details(pods=PodCounts(2, 1, 1), account=False, role=True, status=STALE)}


def view(
    items: Sequence[Listed] = (ORDERS, CHAINED, UNREAD), clusters: Sequence[str] = (CLUSTER_ARN,), **more: Any
) -> View:
    how = {name: more.pop(name) for name in ("short", "namespace") if name in more}
    return association_list_view(items, clusters, NOW, DETAILS, options=ListOptions(**more), **{"short": False, **how})


def test_a_person_reads_names_and_ages_and_a_script_arns_and_times() -> None:
    columns = ("role", "created", "session-tags", "session-policy", "not-read")
    assert view(columns=",".join(columns), short=True).tables[0].rows == (
        ("orders", "2d ago", "on", "no", "-"),
        ("orders", "2d ago", "off", "yes", "-"),
        ("not read", "-", "-", "-", "not allowed"),
    )
    assert view(columns=",".join(columns)).tables[0].rows[0][:2] == (ROLE_ARN, "2026-11-22T12:00:00Z")


def test_details_are_columns_if_requested() -> None:
    assert view(columns="pods,injected,stale,exists,role-exists,status").tables[0].rows == (
        ("2", "1", "1", "no", "yes", "stale (pod-predates-association)"),
        *(("-",) * 6,) * 2,
    )
    usual = [column.title for column in view().tables[0].columns]
    assert "STATUS" not in usual
    assert [column.title for column in view(stale=True).tables[0].columns] == [*usual, "PODS", "INJECTED", "STALE"]


def test_the_rows_of_several_clusters_begin_with_the_cluster() -> None:
    other = CLUSTER_ARN.replace("eu-west-1", "us-east-1")
    item = replace(CHAINED, association_arn=ORDERS.association_arn.replace("eu-west-1", "us-east-1"))
    both = view((ORDERS, item), clusters=(CLUSTER_ARN, other), columns="service-account")
    assert both.tables[0].rows == (("prod (eu-west-1)", "orders"), ("prod (us-east-1)", "cart"))
    assert both.names == ("prod (eu-west-1)/shop/orders", "prod (us-east-1)/shop/cart")
    assert both.document["clusterName"] is None


def test_the_document_has_all_members_whatever_the_columns() -> None:
    document = cast("dict[str, Any]", plain(view(columns="role").document))
    first, second, unread = document["items"]
    assert (document["clusterName"], first["pods"], first["serviceAccountExists"], first["roleExists"]) == (
        "prod",
        {"running": 2, "injected": 1, "stale": 1},
        False,
        True,
    )
    assert (second["targetRoleArn"], second["pods"], second["status"]) == (CHAINED.target_role_arn, None, None)
    assert unread["unread"] == {"reason": UNREAD.reason, "permission": UNREAD.permission}


def test_an_empty_list_names_the_place_and_the_filters() -> None:
    assert view(()).tables[0].empty == "no pod identity associations in cluster prod"
    empty = view((), namespace="shop", role="x").tables[0].empty
    assert empty == "no pod identity association in namespace shop of cluster prod matches --role x"


def test_columns_and_the_details_that_they_require() -> None:
    assert check_columns("") == ()
    assert check_columns("role, status") == ("role", "status")
    assert details_of(("role", "status", "stale", "pods", "owner")) == {"status", "pods", "owners"}
    assert details_of(ALL_COLUMNS) == {"status", "pods", "owners", "accounts", "roles"}
    with pytest.raises(UsageError, match="'rolle' is not one of namespace") as refused:
        check_columns("rolle")
    assert refused.value.hint == Again(swap=("rolle", "role"))


@table(
    ("changes", "name"),
    [
        ({}, "-"),
        (
            {"owner_arn": "arn:aws:eks:eu-west-1:111122223333:addon/prod/aws-ebs-csi-driver/1"},
            "add-on aws-ebs-csi-driver",
        ),
        ({"owner_arn": "arn:aws:other"}, "arn:aws:other"),
        ({"tags": {"aws:cloudformation:stack-name": "web"}}, "CloudFormation stack web"),
    ],
)
def test_the_owner(changes: dict[str, Any], name: str) -> None:
    assert owner_name(association(**changes)) == name


def test_the_facts_of_one_association() -> None:
    facts = dict(association_facts(replace(CHAINED, external_id="x", tags={"b": "2", "a": "1"}), NOW))
    assert (facts["target role"], facts["external id"], facts["session tags"]) == (CHAINED.target_role_arn, "x", "off")
    assert (facts["created"], facts["tags"]) == ("2026-11-22T12:00:00Z (2d ago)", "a=1, b=2")
    assert "target role" not in dict(association_facts(ORDERS, datetime(2026, 11, 24, tzinfo=UTC)))
