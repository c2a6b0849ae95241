"""Options, confirmation and screen of `podid verify`."""

from typing import Any

import pytest

from harness import Answers, Podid
from worlds import ACCOUNT, Site

TABLE = f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/orders"  # what POLICY of worlds.py is about


READ = "dynamodb:GetItem"


def asked(site: Site, *more: str, code: int, **how: Any) -> Any:
    outcome = site("verify", "shop/orders", "--yes", "-o", "json", *more, **how)
    assert outcome.code == code, outcome
    return outcome.json


def answers(report: Any) -> list[tuple[str, bool | None, str | None]]:
    return [(item["action"], item["allowed"], item["id"]) for item in report["allowed"]]


def test_allowed_and_not(healthy: Site) -> None:
    report = asked(healthy, "--can", READ, "--resource", TABLE, code=0)
    assert (report["state"], answers(report)) == ("verified", [(READ, True, None)])
    report = asked(healthy, "--can", READ, "--can", "s3:GetObject", "--resource", TABLE, code=3)
    # the state is about getting the role, not about what it may do
    assert report["state"] == "verified"
    assert answers(report) == [(READ, True, None), ("s3:GetObject", False, "role-no-permissions")]
    text = healthy("verify", "shop/orders", "--yes", "--can", "s3:GetObject").stdout
    assert "  ✗ s3:GetObject on *  denied: no policy of role shop-orders allows it\n" in text


def test_an_answer_names_the_policies_that_were_not_read_as_can_i_does(healthy: Site) -> None:
    can = healthy("can-i", "shop/orders", READ, "-o", "json").json["notChecked"]
    unread = ", ".join(item["what"] for item in can)
    (gap,) = asked(healthy, "--can", READ, "--resource", TABLE, code=0)["notChecked"]
    assert gap == {"link": 10, "subject": unread, "permission": None}
    assert asked(healthy, code=0)["notChecked"] == []
    text = healthy.must("verify", "shop/orders", "--yes", "--can", READ, "--resource", TABLE).stdout
    assert f"Not checked: permissions: {unread}" in text


def test_without_can_nothing_is_simulated(healthy: Site) -> None:
    report = asked(healthy, code=0)
    assert report["allowed"] == []


def test_a_broken_link_and_denied_actions_are_both_reported(healthy: Site) -> None:
    healthy.kube.faults.agent_not_ready.add("*")
    healthy.wait(60)
    report = asked(healthy, "--can", "s3:GetObject", code=3)
    assert (report["link"], answers(report)[0][1]) == (6, False)


@pytest.mark.parametrize(
    "words", [("--can", "GetItem"), ("--can", "s3:*"), ("--can", READ, "--resource", "orders"), ("--resource", "*")]
)
def test_actions_and_resources_that_are_refused(healthy: Site, words: tuple[str, ...]) -> None:
    assert healthy("verify", "shop/orders", "--yes", *words).code == 2


PROBE = ("verify", "shop/orders", "--yes", "--probe", "-o", "json")


def jobs(site: Site) -> list[str]:
    return [item["metadata"]["name"] for item in site.cluster.items("/apis/batch/v1/jobs")]


def nodes_of(site: Site) -> list[str]:
    return sorted({pod["spec"]["nodeName"] for pod in site.cluster.pods("shop", "orders")})


def test_without_probe_no_job_is_created(healthy: Site) -> None:
    before = healthy.kube.faults.calls["kubernetes", "POST /apis/batch/v1/namespaces/shop/jobs"]
    assert healthy.must("verify", "shop/orders", "--yes", "-o", "json").json["probes"] == []
    assert healthy.kube.faults.calls["kubernetes", "POST /apis/batch/v1/namespaces/shop/jobs"] == before
    assert len(healthy.must("history", "-o", "json").json["items"]) == 0


def test_probes_are_planned_confirmed_and_recorded(healthy: Site) -> None:
    refused = healthy(*(word for word in PROBE if word != "--yes"))
    assert (refused.code, jobs(healthy), refused.error["hint"][-5:]) == (2, [], "--yes")
    text = healthy.must("verify", "shop/orders", "--yes", "--probe")
    assert text.stderr.count("(one pod as shop/orders, deleted after its answer)") == 2
    for node in nodes_of(healthy):
        assert f"      node: {node}\n" in text.stderr
        assert f"  ✓ podid's own pod  {node.partition('.')[0]}  role shop-orders\n" in text.stdout
    (run,) = healthy.must("history", "-o", "json").json["items"]
    assert [(step["kind"], step["status"]) for step in run["actions"]] == [("probe", "done")] * 2
    undone = healthy.must("undo", run["runId"], "--yes")
    assert "left nothing to undo" in undone.stderr
    assert healthy("undo", "last", "--yes").code == 5  # a probe hides no change


def test_a_declined_probe_creates_nothing(healthy: Site) -> None:
    answers = Answers(False)
    podid = Podid(healthy.podid.env, tty=True, answers=answers, clock=healthy.podid.clock)
    with pytest.MonkeyPatch.context() as patch:
        healthy.enter(patch)
        outcome = podid("verify", "shop/orders", "--probe")
    assert (outcome.code, jobs(healthy)) == (2, [])
    assert "run 2 probe pods?" in answers.questions[0]
