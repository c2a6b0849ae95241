"""A command that waits ends with the states that `podid status` shows at once afterwards."""

import json
from typing import Any

import pytest

from harness import one_in
from podid.domain.names import ServiceAccountRef
from podid.sandbox.breaks.table import BREAKS
from worlds import ACCOUNT, POLICY, Site, trust_for

FILE: dict[str, Any] = {
    "apiVersion": "podid/v1",
    "kind": "PodIdentity",
    "metadata": {"name": "shop"},
    "associations": [{"serviceAccount": "payments/billing-worker", "role": "storefront"}],
}
LINES = (
    "associate shop/orders payments/billing-worker --role storefront",
    "restart shop/orders --yes",
    "associate shop/orders --role shop-orders --replace --restart",
    "restart payments/billing-worker --wait verified --yes",
    "disassociate payments/billing-worker --yes --wait none",
    "undo last --yes",
    "disassociate payments/billing-worker --yes --wait none",
    "apply -f identities.json --wait ready",
    "migrate apply legacy/reports --yes",
    "install-agent --wait ready",
)


def states(items: Any) -> dict[str, Any]:
    """Return the state, the failure mode and the link of each identity, of its new pod and of its pods. A redeemed
    token shows more than `podid status` can, and makes a state that is ready verified."""

    def of(item: Any) -> tuple[str | None, str | None, int | None]:
        return ("ready" if item["state"] == "verified" else item["state"], item["id"], item["link"])

    return {
        f"{item['namespace']}/{item['serviceAccount']}": (
            of(item),
            of(item["newPod"]),
            sorted((pod["name"], *of(pod)) for pod in item["pods"] or ()),
            (item["permissions"] or {}).get("id"),
        )
        for item in items
    }


def check(site: Site, line: str) -> tuple[int, dict[str, Any]]:
    """Run the command and return its exit code and states, which are those of `podid status`."""
    outcome = site(*line.split(), "-o", "json")
    after = states(outcome.json["after"])
    status = states(site("status", "-o", "json").json["items"])
    assert after == {name: status[name] for name in after}, line
    return outcome.code, after


def test_after_each_wait_that_succeeds(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.directory)
    (site.directory / "identities.json").write_text(json.dumps(FILE))
    role = site.box.iam.make_role(ACCOUNT, "shop-orders", json.dumps(trust_for(ServiceAccountRef("shop", "orders"))))
    site.box.iam.attach(role, ACCOUNT, (), {"dynamodb-read": POLICY})
    site.with_agent()
    for line in LINES:
        if "--wait none" in line:
            site.must(*line.split())
            continue
        code, after = check(site, line)
        assert (code, bool(after)) == (0, True), line


@pytest.mark.parametrize("mode", one_in(8, sorted(set(BREAKS) - {"cluster-too-old", "unsupported-cluster-kind"})))
def test_after_a_wait_for_a_failing_identity(shared: Site, mode: str) -> None:
    """The identity has an association, so that the command changes nothing and only waits."""
    (item,) = shared("list", "-n", "shop", "-o", "json").json["items"]
    shared.box.failures.put(mode)
    try:
        outcome = shared("associate", "shop/orders", "--role", item["roleArn"], "--wait", "ready", "-o", "json")
        if outcome.stdout:
            after = states(outcome.json["after"])
            status = states(shared("status", "-o", "json").json["items"])
            assert after == {name: status[name] for name in after}, outcome
    finally:
        shared.box.failures.heal()
