"""A file of declarations in front of podid, and what is live."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster_api import Json
from harness import Outcome
from permissions_support import limited
from podid.domain.declaration import Declaration
from podid.domain.errors import InvalidInput
from podid.domain.trust import PodIdentity, new_policy
from worlds import ACCOUNT, CLUSTER_ARN, Site

ARN = f"arn:aws:iam::{ACCOUNT}:role/"


READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


ROLE = {"name": "web", "policies": [{"name": "read", "document": READ}], "tags": {"team": "a"}}


LINK = {"serviceAccount": "shop/web", "role": "web", "tags": {"team": "a"}}


VARIABLES = {"TEAM": "shop", "TRICKY": "a: [b, *c]\nrole: x"}
# a role that files of other programs name
READER = f"{ARN}reader"
# text or paths -> declarations
Read = Callable[..., tuple[Declaration, ...]]


class Filed:
    """Podid with a file, `identities.yaml`, and what is live."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.path = site.directory / "identities.yaml"

    def write(self, *, name: str = "shop", path: Path | None = None, **members: Any) -> Path:
        document = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": name}, **members}
        path = path or self.path
        # without aliases, which podid refuses
        path.write_text(yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False))
        return path

    def __call__(self, command: str, *words: str, path: Path | None = None) -> Outcome:
        return self.site(command, "-f", str(path or self.path), *words)

    def plan(self, *words: str, code: int = 0) -> Json:
        outcome = self("plan", *words, "-o", "json")
        assert outcome.code == code, outcome
        document: Json = outcome.json
        return document

    def apply(self, *words: str, code: int = 0) -> Outcome:
        outcome = self("apply", "--wait", "none", *words)
        assert outcome.code == code, outcome
        return outcome

    def settled(self, *words: str) -> None:
        """Check that the plan is empty, and that a rerun changes nothing."""
        document = self.plan(*words)
        assert (document["created"], document["changed"], document["pruned"]) == ([], [], []), document
        before = self.state()
        assert "nothing to change" in self.apply(*words, "--yes").stdout
        assert self.state() == before

    # what is live, read from the sandbox: calls of AWS's clients took half the time of the tests

    def associations(self, cluster: str = "demo") -> dict[str, Json]:
        world = self.site.box.world
        return {
            f"{item.namespace}/{item.service_account}": {
                "role": item.role_arn,
                "target": item.target_role_arn,
                "untagged": item.disable_session_tags,
                "policy": json.loads(item.policy) if item.policy else None,
                "tags": dict(world.tags.get(item.arn, {})),
            }
            for item in world.clusters[cluster].associations.values()
        }

    def role(self, name: str) -> Json | None:
        return self.roles().get(name)

    def roles(self) -> dict[str, Json]:
        box = self.site.box
        return {
            role.name: {
                "trust": json.loads(role.assume_role_policy_document),
                "description": role.description or "",
                "seconds": int(role.max_session_duration or 3600),
                "boundary": role.permissions_boundary_arn,
                "tags": dict(box.iam.tags(role.arn)),
                "inline": {key: json.loads(document) for key, document in role.policies.items()},
                "managed": sorted(role.managed_policies),
            }
            for role in box.iam.backend(ACCOUNT).roles.values()
        }

    def state(self) -> Mapping[str, Json]:
        return {"associations": self.associations(), "roles": self.roles()}


class Annotated(Filed):
    """A file with allowed roles, in front of podid with --from-annotations."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.allow(f"{ARN}storefront*")

    def allow(self, *patterns: str, **members: Any) -> None:
        self.write(name="teams", allowedRoles=list(patterns), **members)

    def annotate(self, account: str, **values: str) -> None:
        notes = {f"podid.dev/{key.replace('_', '-')}": value for key, value in values.items()}
        path = f"/api/v1/namespaces/shop/serviceaccounts/{account}"
        self.site.cluster.merge(path, {"metadata": {"annotations": notes}})

    def __call__(self, command: str, *words: str, path: Path | None = None) -> Outcome:
        return super().__call__(command, "--from-annotations", *words, path=path)


def refused(read_foreign: Read, text: str, name: str = "shop.yaml") -> list[str]:
    """Return the mistakes of a file."""
    with pytest.raises(InvalidInput) as caught:
        read_foreign(text, name)
    return [caught.value.message, *caught.value.lines]


def denying(filed: Filed, action: str, resource: str) -> dict[str, str]:
    deny = {"Effect": "Deny", "Action": action, "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, deny]}
    return limited(filed.site.box, filed.site.directory, policy)


RESOURCE = "arn:aws:s3:::b/${aws:PrincipalTag/team}/${y}"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": RESOURCE}]}


def associated(site: Site) -> Site:
    """Add associations of shop/orders with a role of podid, and of shop/cart with another role, without
    session tags."""
    iam, eks, policy = site.aws("iam"), site.aws("eks"), json.dumps(POLICY)
    trust = new_policy(PodIdentity(CLUSTER_ARN, "shop", "orders")).document
    mark = {"Key": "managed-by", "Value": "podid"}
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(trust), Tags=[mark])
    iam.put_role_policy(RoleName="orders", PolicyName="p", PolicyDocument=policy)
    for account, role, settings in (
        ("orders", "orders", {"tags": {"no": "0123"}}),
        ("cart", "storefront", {"disableSessionTags": True, "policy": policy}),
    ):
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        eks.create_pod_identity_association(
            clusterName="demo", namespace="shop", serviceAccount=account, roleArn=arn, **settings
        )
    return site
