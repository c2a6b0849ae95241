"""Associations that annotations of service accounts request, within the allowedRoles of a file."""

import json
from pathlib import Path

import pytest

from cluster_api import Json
from harness import Outcome
from worlds import ACCOUNT, Site

ARN = f"arn:aws:iam::{ACCOUNT}:role/"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


class Annotated:
    def __init__(self, site: Site) -> None:
        self.site, self.path = site, site.directory / "identities.yaml"
        self.allow(f"{ARN}storefront*")

    def allow(self, *patterns: str) -> Path:
        document = {
            "apiVersion": "podid/v1",
            "kind": "PodIdentity",
            "metadata": {"name": "teams"},
            "allowedRoles": list(patterns),
        }
        self.path.write_text(json.dumps(document))
        return self.path

    def annotate(self, account: str, **values: str) -> None:
        notes = {f"podid.dev/{key.replace('_', '-')}": value for key, value in values.items()}
        path = f"/api/v1/namespaces/shop/serviceaccounts/{account}"
        self.site.cluster.merge(path, {"metadata": {"annotations": notes}})

    def __call__(self, command: str, *words: str) -> Outcome:
        return self.site(command, "-f", str(self.path), "--from-annotations", *words)

    def apply(self, *words: str) -> Outcome:
        return self("apply", "--wait", "none", *words)

    def live(self) -> dict[str, Json]:
        eks = self.site.aws("eks")
        made = {}
        for item in eks.list_pod_identity_associations(clusterName="demo")["associations"]:
            answer = eks.describe_pod_identity_association(clusterName="demo", associationId=item["associationId"])
            made[item["serviceAccount"]] = answer["association"]
        return made


@pytest.fixture
def annotated(site: Site) -> Annotated:
    site.cluster.post("/api/v1/namespaces/shop/serviceaccounts", {"metadata": {"name": "cart"}})
    return Annotated(site)


def test_an_annotation_is_a_declared_association(annotated: Annotated) -> None:
    annotated.annotate("orders", role="storefront")
    annotated.annotate("cart", role=f"{ARN}storefront", session_policy=json.dumps(POLICY))
    plan = annotated("plan", "-o", "json")
    assert (plan.code, plan.json["refused"]) == (3, []), plan
    assert [item["target"] for item in plan.json["created"]] == ["shop/cart", "shop/orders"]
    assert annotated.site("plan", "-f", str(annotated.path)).code == 0  # not without the option
    assert annotated.apply().code == 0
    live = annotated.live()
    assert (live["orders"]["roleArn"], live["orders"]["tags"]) == (f"{ARN}storefront", {"podid:owner": "teams"})
    assert (live["cart"]["disableSessionTags"], json.loads(live["cart"]["policy"])) == (True, POLICY)
    assert annotated("plan").code == 0
    annotated.site.cluster.merge(
        "/api/v1/namespaces/shop/serviceaccounts/orders", {"metadata": {"annotations": {"podid.dev/role": None}}}
    )
    assert annotated.apply("--prune", "--yes").code == 0
    assert list(annotated.live()) == ["cart"]


def test_a_role_that_is_not_allowed_is_left_alone_and_the_rest_goes_on(annotated: Annotated) -> None:
    annotated.annotate("orders", role="billing-worker")  # under /apps/
    annotated.annotate("cart", role="storefront")
    annotated.allow(f"{ARN}storefront", f"{ARN}billing-*")
    plan = annotated("plan", "-o", "json")
    assert plan.code == 8, plan
    (refused,) = plan.json["refused"]
    assert (refused["namespace"], refused["serviceAccount"]) == ("shop", "orders")
    assert refused["reason"] == "allowedRoles does not allow billing-worker"
    outcome = annotated.apply()
    assert outcome.code == 8
    assert "service account shop/orders: its annotations are ignored" in outcome.stderr
    assert list(annotated.live()) == ["cart"]
    annotated.allow(f"{ARN}storefront", f"{ARN}apps/billing-*")
    assert annotated("plan", "-o", "json").code in (3, 6)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"role": "no/role"}, "is a path and a role name"),
        ({"role": "nosuch"}, "role nosuch does not exist"),
        ({"role": "arn:aws:s3:::x"}, "is not the ARN of an IAM role"),
        (
            {"role": "storefront", "target_role": "arn:aws:iam::444455556666:role/admin"},
            "does not allow arn:aws:iam::444455556666:role/admin",
        ),
        ({"role": "storefront", "session_policy": "{"}, ""),
    ],
)
def test_values_that_cannot_be_used_are_refused(annotated: Annotated, values: dict[str, str], reason: str) -> None:
    annotated.annotate("orders", **values)
    plan = annotated("plan", "-o", "json")
    assert plan.code == 8, plan
    assert reason in plan.json["refused"][0]["reason"]
    assert plan.json["created"] == []


def test_nothing_is_pruned_while_an_annotation_is_refused(annotated: Annotated) -> None:
    annotated.annotate("orders", role="storefront")
    assert annotated.apply().code == 0
    annotated.annotate("orders", role="nosuch")
    assert annotated.apply("--prune", "--yes").code == 8
    assert list(annotated.live()) == ["orders"]


def test_a_declared_service_account_keeps_its_declaration(annotated: Annotated) -> None:
    document = json.loads(annotated.path.read_text())
    document["associations"] = [{"serviceAccount": "shop/orders", "role": "storefront"}]
    annotated.path.write_text(json.dumps(document))
    annotated.annotate("orders", role="billing-worker")
    plan = annotated("plan", "-o", "json")
    assert (plan.code, plan.json["refused"]) == (3, [])


def test_the_option_needs_allowed_roles_and_the_cluster(annotated: Annotated) -> None:
    annotated.allow()
    outcome = annotated("plan")
    assert outcome.code == 2
    assert "requires allowedRoles" in outcome.stderr
    annotated.allow("*")
    annotated.annotate("orders", role="storefront")
    plan = annotated.site(
        *("plan", "-f", str(annotated.path), "--from-annotations", "-o", "json"), env=annotated.site.user("none", [])
    )
    assert plan.code == 9
    assert plan.json["unread"][0]["target"] == "annotations of service accounts"
