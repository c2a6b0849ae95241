"""Stages of a migration, exit codes, and sentences about kiam and kube2iam."""

from podid.domain.errors import ExitCode
from podid.domain.migration import (
    CredentialCounts,
    Leftover,
    MigrationCleanup,
    MigrationItem,
    MigrationPlan,
    MigrationStatus,
    OlderAgent,
    OlderWay,
    Stage,
    sources_words,
    spoken,
)
from podid.domain.names import ServiceAccountRef


def test_sources_in_words() -> None:
    assert sources_words([OlderWay.KUBE2IAM, None, OlderWay.IRSA, OlderWay.KUBE2IAM]) == "IRSA and kube2iam"
    assert sources_words([None]) == ""


def test_stages_are_in_the_order_of_the_migration() -> None:
    ranks = [Stage(name).rank for name in ("old", "admitted", "associated", "moved", "proven", "clean")]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(Stage)


def test_an_item_is_named_by_its_service_account() -> None:
    item = MigrationItem(
        ref=ServiceAccountRef("shop", "orders"),
        source=OlderWay.IRSA,
        role_arn="arn",
        stage=Stage.OLD,
        pods=CredentialCounts(),
    )
    assert item.target == "shop/orders"


def test_a_part_that_could_not_be_read_leaves_the_result_undetermined() -> None:
    for unread, expected in (((), ExitCode.OK), (("pods: no",), ExitCode.UNDETERMINED)):
        assert MigrationPlan(cluster="c", items=(), providers=(), unread=unread).exit_code is expected
        assert MigrationStatus(cluster="c", items=(), agents=(), next=(), unread=unread).exit_code is expected
    assert MigrationCleanup(items=()).exit_code is ExitCode.OK
    assert MigrationCleanup(items=(), unread="no").exit_code is ExitCode.UNDETERMINED


def agent(*serves: str, unneeded: tuple[tuple[str, ...], ...] = ()) -> OlderAgent:
    return OlderAgent(source=OlderWay.KIAM, workloads=("DaemonSet/kube-system/kiam",), serves=serves, unneeded=unneeded)


def test_workloads_of_an_agent_or_how_to_delete_it() -> None:
    assert agent("Deployment/shop/a").sentence == "kiam (DaemonSet kube-system/kiam) still serves Deployment shop/a"
    assert agent().sentence == (
        "kiam (DaemonSet kube-system/kiam) no longer serves any workload; "
        "podid migrate cleanup DaemonSet/kube-system/kiam deletes it"
    )
    command = ("kubectl", "annotate", "namespace", "shop", "a b-")
    assert agent(unneeded=(command,)).sentences[1] == (
        "no workload needs an annotation any more: kubectl annotate namespace shop 'a b-'"
    )
    assert spoken("Deployment/shop/a") == "Deployment shop/a"


def test_a_leftover_is_specified_by_its_arn_or_its_workload() -> None:
    role = Leftover(kind="role", arn="arn:aws:iam::1:role/a", reason="unused")
    assert (role.name, Leftover(kind="agent", workload="DaemonSet/a/b", reason="unused").name) == (
        "arn:aws:iam::1:role/a",
        "DaemonSet/a/b",
    )
