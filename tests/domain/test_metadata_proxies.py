"""kiam and kube2iam: their programs, flags, roles, and the roles that a namespace permits."""

from typing import Any

from domain.values import ACCOUNT, daemon_set, role_arn
from harness import table
from podid.domain.cluster import Workload
from podid.domain.metadata_proxies import (
    ALLOWED,
    PERMITTED,
    MetadataProxy,
    PodTemplate,
    find_proxies,
    flags_of,
    may_proxy,
    program_of,
)
from podid.domain.migration import OlderWay

ORDERS = role_arn("orders")


@table(
    ("images", "words", "program"),
    [
        (["jtblin/kube2iam:0.11"], [], "kube2iam"),
        (["mirror/app"], ["/usr/bin/kube2iam", "--node"], "kube2iam"),
        (["quay.io/uswitch/kiam:v4"], ["/kiam", "agent"], "kiam-agent"),
        (["quay.io/uswitch/kiam:v4"], ["/kiam", "server"], "kiam-server"),
        (["kiam-docs"], ["server"], ""),
        ([], [], ""),
    ],
)
def test_the_program_of_containers(images: list[str], words: list[str], program: str) -> None:
    assert program_of(images, words) == program
    assert may_proxy(daemon_set(images=tuple(images), command=tuple(words))) is bool(program)


@table(
    ("line", "flags"),
    [
        ("--base-role-arn=arn:x --node n", {"--base-role-arn": "arn:x"}),
        (
            "--base-role-arn arn:x --namespace-restrictions",
            {"--base-role-arn": "arn:x", "--namespace-restrictions": "true"},
        ),
        ("--namespace-restrictions=FALSE", {"--namespace-restrictions": "false"}),
        ("--namespace-restrictions=1", {"--namespace-restrictions": "true"}),
        ("--namespace-restrictions=T", {"--namespace-restrictions": "true"}),
        ("--namespace-restrictions=0", {"--namespace-restrictions": "false"}),
        ("--default-role", {"--default-role": ""}),
        ("--other --default-role --base-role-arn", {"--default-role": "--base-role-arn"}),
    ],
)
def test_flags_with_and_without_values(line: str, flags: dict[str, str]) -> None:
    assert flags_of(line.split()) == flags


def proxy(source: OlderWay = OlderWay.KUBE2IAM, **more: Any) -> MetadataProxy:
    base = f"arn:aws:iam::{ACCOUNT}:role/"
    return MetadataProxy(source=source, workloads=(), base=base, base_words="", **more)


@table(
    ("role", "arn"),
    [("orders", ORDERS), (" /team/orders ", role_arn("team/orders")), (ORDERS, ORDERS), ("ARN:x", "ARN:x")],
)
def test_the_role_that_an_annotation_names(role: str, arn: str) -> None:
    assert proxy().arn_of(role) == arn


def kube2iam(text: str, restriction: str = "glob") -> bool | None:
    return proxy(restriction=restriction).permits({ALLOWED: text}, ORDERS)


def test_roles_that_a_namespace_permits_for_kube2iam() -> None:
    assert kube2iam("", "") is True
    assert [kube2iam(text) for text in ("", "[]", '["cart"]', '["orders"]', '["ord*"]', f'["{ORDERS}"]')] == [
        *(False, False, False),
        *(True, True, True),
    ]
    # only * is a wildcard, and a pattern is for the whole name
    assert [kube2iam(text) for text in ('["order?"]', '["order"]')] == [False, False]
    assert [kube2iam(text, "regexp") for text in ('["ord.rs"]', '["order"]', '["("]')] == [True, True, None]
    assert [kube2iam(text) for text in ("{", "5")] == [None, None]
    default = proxy(restriction="glob", default_role=ORDERS)
    assert default.permits({}, ORDERS) is True


def kiam(text: str, restriction: str = "strict") -> bool | None:
    return proxy(OlderWay.KIAM, namespace_key=PERMITTED, restriction=restriction).permits({PERMITTED: text}, ORDERS)


def test_roles_that_a_namespace_permits_for_kiam() -> None:
    assert [kiam(text) for text in ("", "orders", ".*orders", ORDERS, "(")] == [False, False, True, True, None]
    assert kiam("orders", "regexp") is True
    # `^x|orders$` matches an ARN that ends with orders
    assert kiam("x|orders") is True


def template(runs: str, kind: str = "DaemonSet", **flags: str) -> PodTemplate:
    workload = Workload(
        kind=kind,
        namespace="kube-system",
        name=runs,
        uid="u",
        service_account="default",
        replicas=0,
        ready=0,
        updated=0,
    )
    named = {f"--{name.replace('_', '-')}": value for name, value in flags.items()}
    return PodTemplate(workload=workload, flags=named, runs=runs)


def proxies(*templates: PodTemplate) -> tuple[MetadataProxy, ...]:
    return find_proxies(templates, partition="aws", account=ACCOUNT)


def test_the_settings_of_kube2iam() -> None:
    (settings,) = proxies(
        template(
            "kube2iam",
            base_role_arn="arn:aws:iam::1:role/k8s",
            iam_role_key="example.com/role",
            namespace_restrictions="true",
            default_role="none",
        ),
        template(""),
    )
    assert (settings.source, settings.base, settings.base_words) == (
        OlderWay.KUBE2IAM,
        "arn:aws:iam::1:role/k8s/",
        "--base-role-arn of DaemonSet kube-system/kube2iam",
    )
    assert (settings.restriction, settings.default_role) == ("glob", "arn:aws:iam::1:role/k8s/none")
    assert "example.com/role" in settings.keys
    (plain,) = proxies(template("kube2iam", default_role="$(ROLE)"))
    assert plain.namespace_key == ALLOWED
    assert (plain.restriction, plain.default_role, plain.base) == ("", "", f"arn:aws:iam::{ACCOUNT}:role/")
    assert plain.base_words.startswith("assumed, because podid found no --base-role-arn")


def test_the_settings_of_kiam() -> None:
    settings = proxies(
        template("kiam-agent"),
        template("kiam-server", "Deployment", role_base_arn_autodetect="true", assume_role_arn="server"),
    )
    (kiam_,) = settings
    assert [str(subject) for subject in kiam_.workloads] == [
        "DaemonSet kube-system/kiam-agent",
        "Deployment kube-system/kiam-server",
    ]
    assert (kiam_.restriction, kiam_.principal, kiam_.namespace_key) == ("strict", role_arn("server"), PERMITTED)
    assert kiam_.base_words == "detected by Deployment kube-system/kiam-server from the instance profile"
    (loose,) = proxies(template("kiam-server", disable_strict_namespace_regexp="true"))
    assert loose.restriction == "regexp"
    assert [item.source for item in proxies(template("kiam-agent"), template("kube2iam"))] == [
        OlderWay.KUBE2IAM,
        OlderWay.KIAM,
    ]
