"""Reports, diffs and the check of several requests."""

import json
from dataclasses import replace

from domain.trust.trust_helpers import BASE_ROLE, CLUSTER, HOP, IDENTITY, PODS, policy, statement
from podid.domain.encoding import encode, plain
from podid.domain.trust import (
    PodIdentity,
    TrustVerdict,
    add,
    build_statement,
    check,
    diff,
    evaluate,
    new_policy,
    target_policy,
)
from podid.render.trust import TrustBody

CART = PodIdentity(CLUSTER, "shop", "cart")


def test_report_is_the_body_of_a_trust_report() -> None:
    report = plain(encode(TrustBody, evaluate(new_policy(IDENTITY), IDENTITY)))
    yes = {
        "verdict": "match",
        "statement": 0,
        "sid": "Podidd27beb1e",
        "reason": "Statement[0] (Podidd27beb1e) allows the request",
    }
    assert report == {
        "verdict": "match",
        "actions": {"sts:AssumeRole": yes, "sts:TagSession": yes},
        "scope": {"kind": "service-account", "words": "only shop/orders in cluster demo"},
        "findings": [],
    }
    assert json.loads(json.dumps(report)) == report


def test_report_of_a_trust_that_keeps_out() -> None:
    reason = f"no statement allows {PODS}: the trust policy names ec2.amazonaws.com"
    no = {"verdict": "no-match", "statement": None, "sid": "", "reason": reason}
    evaluation = evaluate(policy(statement(Principal={"Service": "ec2.amazonaws.com"})), IDENTITY)
    assert plain(encode(TrustBody, evaluation)) == {
        "verdict": "no-match",
        "actions": {"sts:AssumeRole": no, "sts:TagSession": no},
        "scope": None,
        "findings": [
            {
                "id": "trust-wrong-principal",
                "severity": "error",
                "message": reason,
                "fix": f"add a statement for {PODS}, and keep the others until they are no longer used",
            }
        ],
    }


def test_diff() -> None:
    old = policy(statement(Action="sts:AssumeRole"))
    assert diff(old, old) == ""
    assert diff(old, policy(statement(Action="sts:*"))).splitlines() == [
        "--- trust policy now",
        "+++ trust policy proposed",
        "@@ -6,7 +6,7 @@",
        '       "Principal": {',
        f'         "Service": "{PODS}"',
        "       },",
        '-      "Action": "sts:AssumeRole"',
        '+      "Action": "sts:*"',
        "     }",
        "   ]",
        " }",
    ]


def test_check_proposes_what_is_missing() -> None:
    trust = new_policy(IDENTITY)
    report = check(trust, [IDENTITY, CART])
    assert report.verdict is TrustVerdict.NO_MATCH
    assert [e.verdict for e in report.evaluations] == [TrustVerdict.MATCH, TrustVerdict.NO_MATCH]
    assert report.proposed == add(trust, CART).policy
    assert report.proposed is not None
    assert report.diff == diff(trust, report.proposed)
    assert report.advice == ()


def test_check_with_nothing_to_propose() -> None:
    unknown = policy(statement({"StringEquals": {"aws:SourceOrgID": "o-1"}}))
    report = check(unknown, [IDENTITY])
    assert (report.verdict, report.proposed, report.diff, report.advice) == (TrustVerdict.UNKNOWN, None, "", ())
    fine = check(new_policy(IDENTITY), [IDENTITY])
    assert (fine.verdict, fine.proposed) == (TrustVerdict.MATCH, None)


def test_check_says_why_it_cannot_propose() -> None:
    denied = policy(statement(), statement(Effect="Deny"))
    report = check(denied, [IDENTITY])
    assert report.proposed is None
    assert report.advice == (
        "Statement[1] denies the request; an explicit Deny overrides every Allow; another Allow statement would have "
        "no effect",
    )


def test_check_says_that_its_proposal_exceeds_the_default_quota() -> None:
    others = [build_statement(replace(CART, service_account=f"service-{number}")) for number in range(5)]
    full = check(policy(*others), [IDENTITY])
    assert full.proposed is not None
    assert full.advice == ("the trust policy would have 2327 characters; IAM allows 2048 by default",)


def test_check_of_the_target_role_prints_what_its_owner_needs() -> None:
    report = check(policy(statement(Principal={"AWS": "1"})), [HOP, replace(HOP, base_role_arn=BASE_ROLE)])
    expected = json.dumps(target_policy(HOP))
    assert report.proposed is None
    assert report.advice == (f"the owner of the target role can add the statements of {expected}",)
