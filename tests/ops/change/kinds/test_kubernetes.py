"""Service accounts and their annotations."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from checks.builder import healthy
from ops.change.support import HEADER, ROLE_ARN
from podid.domain.cluster import ServiceAccount
from podid.domain.errors import Conflict
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Status
from podid.domain.snapshot import known_or
from podid.ops.change.kinds import ANNOTATIONS, COMMAND, PROBE, SERVICE_ACCOUNT
from podid.ops.clients import Clients, Site


def test_annotations_that_are_predicted_can_be_read_more_than_once() -> None:
    role, foreign = "eks.amazonaws.com/role-arn", "example.com/owner"
    account = replace(known_or(healthy().service_accounts, ())[0], annotations={role: ROLE_ARN, foreign: "a"})
    before, after = (ANNOTATIONS.state_of(account.ref, annotations) for annotations in ({role: ROLE_ARN}, {}))
    snapshot = healthy(service_accounts=(account,))
    planned = ANNOTATIONS.predict(snapshot, ANNOTATIONS.action(before, after), snapshot.taken_at)
    for _ in range(2):
        assert [item.annotations for item in known_or(planned.service_accounts, ())] == [{foreign: "a"}]


def test_a_service_account_that_was_created_again_is_another() -> None:
    ref = ServiceAccountRef("shop", "orders")
    first, second = (
        SERVICE_ACCOUNT.state_as_read(ServiceAccount(namespace=ref.namespace, name=ref.name, uid=uid))
        for uid in ("u-1", "u-2")
    )
    SERVICE_ACCOUNT.check_same(first, first)
    with pytest.raises(Conflict, match="shop/orders was deleted and created again"):
        SERVICE_ACCOUNT.check_same(second, first)


def test_a_new_service_account_is_predicted_once() -> None:
    snapshot, ref = healthy(), ServiceAccountRef("shop", "new")
    state = SERVICE_ACCOUNT.state_of(ref)
    created = SERVICE_ACCOUNT.predict(snapshot, SERVICE_ACCOUNT.action(None, state), snapshot.taken_at)
    again = SERVICE_ACCOUNT.predict(created, SERVICE_ACCOUNT.action(None, state), snapshot.taken_at)
    assert [item.ref for item in known_or(again.service_accounts, ())].count(ref) == 1
    deleted = SERVICE_ACCOUNT.predict(again, SERVICE_ACCOUNT.action(state, None), snapshot.taken_at)
    assert known_or(deleted.service_accounts, ()) == known_or(snapshot.service_accounts, ())


def test_interrupted_commands_and_probes_are_settled() -> None:
    site, ref = cast("Site", None), ServiceAccountRef("shop", "orders")
    action = COMMAND.action(None, COMMAND.state_of(ref, "aws", ROLE_ARN))
    settled = COMMAND.settle(site, action)
    assert (settled.status, settled.after) == (Status.DONE, None)
    assert COMMAND.not_undone(action) == "the command aws as shop/orders cannot be undone"
    jobs = SimpleNamespace(job_exists=lambda namespace, name: name == "left")
    site = Site(cast("Clients", SimpleNamespace(kube=SimpleNamespace(reader=jobs))), HEADER)
    for name, words in (("left", "the Job still exists"), ("gone", "the Job is deleted")):
        probe = PROBE.action(None, PROBE.state_of(ref, name, node="n", image="i"))
        assert PROBE.settle(site, probe).reason.startswith(f"settled: {words}")
