"""A role that something begins to use between the first write of a run and the role's deletion stays whole."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.change.support import POLICY, account_state, policy_file
from podid.domain.names import ServiceAccountRef
from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.http import HttpAnswer, HttpRequest
from worlds import Site, trust_for

NONE = ("--wait", "none")
ARN = "arn:aws:iam::111122223333:role/new"
PROVIDER = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED"


def by_another_service_account(site: Site) -> None:
    add_association(site.box.world, "shop", "other", "new")


def in_another_cluster(site: Site) -> None:
    add_association(site.box.world, "shop", "orders", "new", cluster_name="blue")


def in_an_instance_profile(site: Site) -> None:
    iam = site.aws("iam")
    iam.create_instance_profile(InstanceProfileName="nodes")
    iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="new")


def by_irsa(site: Site) -> None:
    document = trust_for(ServiceAccountRef("shop", "orders"))
    statement = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:AssumeRoleWithWebIdentity"}
    site.trust("new", {**document, "Statement": [*document["Statement"], statement]})


def with_another_policy(site: Site) -> None:
    site.aws("iam").put_role_policy(RoleName="new", PolicyName="more", PolicyDocument=json.dumps(POLICY))


def declared(directory: Path, *roles: str) -> str:
    path = directory / "shop.json"
    policies = [{"name": "read", "document": POLICY}]
    document = {
        "apiVersion": "podid/v1",
        "kind": "PodIdentity",
        "metadata": {"name": "shop"},
        "roles": [{"name": name, "policies": policies} for name in ("kept", *roles)],
        "associations": [{"serviceAccount": "shop/orders", "role": name} for name in roles],
    }
    path.write_text(json.dumps(document))
    return str(path)


def pruning(site: Site) -> tuple[str, ...]:
    site.must("apply", "-f", declared(site.directory, "new"), *NONE)
    return ("apply", "-f", declared(site.directory), "--prune", "--yes", *NONE)


def created(site: Site) -> None:
    site.must("role", "create", "new", "--for", "shop/orders", "--policy-file", policy_file(site.directory))
    site.must("associate", "shop/orders", "--role", "new", *NONE)


def decommissioning(site: Site) -> tuple[str, ...]:
    created(site)
    return ("decommission", "--cluster", "demo", "--yes")


def disassociating(site: Site) -> tuple[str, ...]:
    created(site)
    return ("disassociate", "shop/orders", "--delete-role", "--yes", *NONE)


@pytest.mark.parametrize(
    "use", [by_another_service_account, in_another_cluster, in_an_instance_profile, by_irsa, with_another_policy]
)
@pytest.mark.parametrize("command", [pruning, decommissioning, disassociating])
def test_a_role_in_use_since_the_first_write_stays_whole(
    account: Site, command: Callable[[Site], tuple[str, ...]], use: Callable[[Site], None]
) -> None:
    add_cluster(account.box.world, "blue")
    argv, answer = command(account), account.box.gateway.answer
    policies = account_state(account.box)["roles"]["new"]["inline"]

    def answering(request: HttpRequest) -> HttpAnswer:
        answered = answer(request)
        if account.box.gateway.name(request).operation == "DeletePodIdentityAssociation":
            account.box.gateway.answer = answer  # type: ignore[method-assign]
            use(account)
        return answered

    account.box.gateway.answer = answering  # type: ignore[method-assign]
    outcome = account(*argv)
    assert outcome.code == 8, outcome
    role = account_state(account.box)["roles"]["new"]
    assert {name: role["inline"].get(name) for name in policies} == policies
    assert "role new: blocked: not tried: " in outcome.stdout
