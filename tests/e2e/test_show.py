"""`show`: everything about one service account, and which credentials each of its pods really uses."""

from typing import Any

import pytest

from podid.cli.changing import MOST_USERS
from podid.domain.status import ContainerUse, CredentialCandidate, CredentialSource
from podid.sandbox.baseline import add_association
from worlds import Site

KEYS = [{"name": name, "value": "x"} for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
IRSA = [
    {"name": "AWS_ROLE_ARN", "value": "arn:aws:iam::111122223333:role/old"},
    {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"},
]
NO_METADATA = [{"name": "AWS_EC2_METADATA_DISABLED", "value": "true"}]


def shown(site: Site, ref: str = "shop/orders") -> Any:
    return site.must("show", ref, "-o", "json").json


def uses(document: Any, pod: str) -> list[tuple[str, bool]]:
    (found,) = [item for item in document["pods"] if item["name"].startswith(pod)]
    return [(item["uses"], item["certain"]) for item in found["containers"]]


def make_pod(site: Site, name: str, account: str = "orders", **container: Any) -> None:
    spec = {"containers": [{"name": "app", "image": "app:1", **container}]}
    site.cluster.make_pod("shop", name, account, **spec)
    site.wait(5)


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({}, ("pod-identity", True)),
        ({"env": KEYS}, ("static-keys", True)),
        ({"env": KEYS[:1]}, ("pod-identity", False)),
        ({"env": IRSA}, ("irsa", True)),
        ({"env": [*IRSA, *KEYS]}, ("static-keys", True)),
        ({"env": [{"name": "AWS_PROFILE", "value": "prod"}]}, ("pod-identity", False)),
        ({"envFrom": [{"secretRef": {"name": "keys"}}]}, ("pod-identity", False)),
        ({"envFrom": [{"configMapRef": {"name": "nosuch"}}]}, ("pod-identity", True)),
        (
            {"env": [{"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://127.0.0.1/"}]},
            ("other-endpoint", True),
        ),
    ],
)
def test_what_an_sdk_takes(site: Site, container: dict[str, Any], expected: tuple[str, bool]) -> None:
    site.with_agent().with_identity()
    make_pod(site, "lone", **container)
    assert uses(shown(site), "lone") == [expected]


def test_the_first_that_is_seen_wins() -> None:
    may = CredentialCandidate(CredentialSource.PROFILE, "p", certain=False)
    pods, node = (
        CredentialCandidate(CredentialSource.POD_IDENTITY),
        CredentialCandidate(CredentialSource.NODE_ROLE, certain=False),
    )
    both = ContainerUse("app", (may, pods, node))
    assert (both.uses, both.certain, both.unless, both.unused) == ("pod-identity", False, (may,), (node,))
    last = ContainerUse("app", (may, node))
    assert (last.uses, last.certain, last.unless, last.unused) == ("node-role", False, (may,), ())


def test_a_role_of_many_says_that_their_status_was_not_checked(site: Site) -> None:
    for number in range(MOST_USERS + 1):
        add_association(site.box.world, "shop", f"a{number}", "storefront")
    outcome = site("role", "show", "storefront")
    assert outcome.code == 0
    assert f"The status of {MOST_USERS + 1} service accounts was not checked: podid status" in outcome.stderr
