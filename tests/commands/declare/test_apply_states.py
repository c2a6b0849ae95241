"""podid apply between random pairs of states."""

import random
from typing import Any

import pytest
import yaml

from ops.declare.worlds import READ, Filed
from worlds import POLICY

ACCOUNTS = [f"{namespace}/{name}" for namespace in ("shop", "web") for name in ("a", "b", "c")]


NAMES = ("r1", "r2", "r3")


def chosen(chance: random.Random) -> dict[str, Any]:
    """Return the members of a random file."""

    def maybe(value: Any) -> Any:
        return value if chance.random() < 0.4 else None

    def tags() -> dict[str, str]:
        return {
            key: chance.choice(["one", "two"]) for key in chance.sample(["team", "env", "cost"], chance.randrange(3))
        }

    def some(**members: Any) -> dict[str, Any]:
        return {key: value for key, value in members.items() if value is not None}

    roles: list[dict[str, Any]] = [
        some(
            name=name,
            scope=maybe(chance.choice(["service-account", "namespace", "cluster"])),
            description=maybe(chance.choice(["one", "two"])),
            maxSessionDuration=maybe(chance.choice(["2h", 7200, "12h"])),
            tags=maybe(tags()),
            subjects=["shop/a"] if chance.random() < 0.5 else ["web/b", "web/c"],
            policies=chance.sample(
                [
                    {"name": "read", "document": READ},
                    {"name": "read", "document": POLICY},
                    {"managed": "AmazonSQSFullAccess"},
                    {"managed": "AmazonS3ReadOnlyAccess"},
                    {"preset": "sqs-send", "parameters": {"queue": "q"}},
                ][chance.randrange(2) :],
                chance.randrange(3),
            )
            if chance.random() < 0.8
            else None,
        )
        for name in NAMES
        if chance.random() < 0.7
    ]
    for role in roles:
        # each policy once
        role["policies"] = list({item.get("name", repr(item)): item for item in role.get("policies", ())}.values())
    associations = []
    for account in ACCOUNTS:
        if chance.random() < 0.5:
            continue
        name = chance.choice([*(str(item["name"]) for item in roles), "storefront"])
        if name != "storefront":
            subjects = next(item for item in roles if item["name"] == name)["subjects"]
            subjects += [account] if account not in subjects else []
        untagged = chance.random() < 0.3
        associations.append(
            some(
                serviceAccount=account,
                role=name,
                sessionTags=False if untagged else None,
                sessionPolicy=READ if untagged and chance.random() < 0.5 else None,
                tags=maybe(tags()),
            )
        )
    return {"roles": roles, "associations": associations}


def cases() -> list[Any]:
    return [pytest.param(seed, marks=pytest.mark.rare if seed else ()) for seed in range(200)]


@pytest.mark.parametrize("seed", cases())
def test_every_pair_of_states(filed: Filed, seed: int) -> None:
    chance = random.Random(seed)
    filed.site.associate("other", "one", "storefront")
    filed.site.associate("shop", "free", "storefront")
    foreign = filed.state()
    filed.write(**chosen(chance))
    filed.apply("--prune", "--yes")
    filed.settled("--prune")
    first = filed.state()
    filed.write(**chosen(chance))
    changed = filed.plan("--prune", code=filed("plan", "--prune").code)
    filed.apply("--prune", "--yes")
    filed.settled("--prune")
    last = filed.state()
    for kind, items in foreign.items():
        assert {name: last[kind][name] for name in items} == items
    declared = yaml.safe_load(filed.path.read_text())
    owned = {name for name, item in last["associations"].items() if item["tags"].get("podid:owner") == "shop"}
    assert owned == {item["serviceAccount"] for item in declared["associations"]}
    assert {name for name in last["roles"] if name in NAMES} == {item["name"] for item in declared["roles"]}
    if changed["created"] or changed["changed"] or changed["pruned"]:
        filed.site.must("undo", "last", "--yes", "--wait", "none")
        assert filed.state() == first
