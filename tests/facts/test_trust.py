"""The trust policies of roles, evaluated for each association."""

from checks.builder import DENIED, ROLE_ARN, association, healthy, pod, role, trust, with_trust
from podid.domain.snapshot import Known, Missing, known
from podid.domain.trust import LivePod, TrustVerdict
from podid.facts.trust import PODS_TRIED, first_error, judged, live_pods


def test_an_answer_for_each_association_of_a_role() -> None:
    roles = judged(healthy(associations=(association(), association(name="billing"))))
    assert roles.keys() == {ROLE_ARN}
    answers = known(roles[ROLE_ARN]) or ()
    verdicts = {answer.association.service_account: answer.evaluation.verdict for answer in answers}
    assert verdicts == {"orders": TrustVerdict.MATCH, "billing": TrustVerdict.NO_MATCH}
    errors = {answer.association.service_account: answer.error for answer in answers}
    assert errors == {"orders": "", "billing": "trust-condition-never-matches"}


def test_roles_without_an_answer() -> None:
    assert judged(healthy(roles={ROLE_ARN: DENIED})) == {ROLE_ARN: DENIED}
    assert judged(healthy(roles={ROLE_ARN: Known(None)})) == {ROLE_ARN: Known(None)}
    unreadable = judged(healthy(roles={ROLE_ARN: Known(role(document={"Statement": 7}))}))[ROLE_ARN]
    assert isinstance(unreadable, Missing)
    assert unreadable.reason.startswith("the trust policy cannot be parsed: Statement: must be a statement")


def test_the_first_failure_of_an_association() -> None:
    assert first_error(healthy(), association()) == ""
    assert first_error(with_trust(trust(actions="sts:AssumeRole")), association()) == "trust-missing-tag-session"
    assert first_error(healthy(roles={ROLE_ARN: Known(None)}), association()) == "role-not-found"
    # a weakness does not deny access
    assert first_error(with_trust(Null={"aws:SourceArn": "false"}), association()) == ""


def test_some_live_pods_of_the_service_account() -> None:
    pods = tuple(pod(f"orders-{number:02}") for number in range(PODS_TRIED + 2))
    assert live_pods(healthy(pods=(pod("ended", phase="Failed"), pods[0])), association()) == (
        LivePod("orders-00", "uid-orders-00"),
    )
    assert len(live_pods(healthy(pods=pods), association()) or ()) == PODS_TRIED
    assert live_pods(healthy(pods=DENIED), association()) is None
