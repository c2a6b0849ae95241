"""Whatever EKS, EKS Auth, IAM, STS and Kubernetes answer: no command ends as a bug, no line of its output is another's,
and nothing is called fine, or done, that was not."""

import contextlib
import json
import os
import random
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from foreign import RUNNER
from harness import Outcome, one_in
from podid.aws import api
from podid.aws import errors as aws_errors
from podid.aws.session import AwsSession
from podid.cli import cluster
from podid.domain.errors import ExitCode
from podid.kube import errors
from podid.kube.transport import Transport
from podid.sandbox.http import HttpAnswer
from test_foreign_text import check_all
from ways import CALLING, MUTATED, Way
from worlds import Site, whole_site

from .front import Call, Genuine, in_front
from .mutations import Mutation, Path, mutated, mutations, named, paths

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
# without these a verdict is as sure: a namespace that has a service account exists, for one
SPARE = {
    ("doctor", "GET /api/v1/namespaces"),
    # what is only a warning, or a comparison with what EKS offers, is said to be unknown, and makes no exit code
    ("doctor", "ListAddons"),
    ("status", "GET /api/v1/namespaces"),
    ("status", "ListAddons"),
    # the versions, the health and the insights are advice; routes out of the VPC reach EKS Auth without an endpoint
    *(("status", call) for call in ("DescribeAddon", "DescribeAddonVersions", "ListInsights", "DescribeInstances")),
    *(("status", call) for call in ("DescribeVpcEndpoints", f"GET {LEASES}")),
    # the role's permissions do not decide whether a pod gets its credentials
    *(("status", call) for call in ("ListAttachedRolePolicies", "ListRolePolicies", "GetRolePolicy")),
    ("agent", "DescribeAddonVersions"),
    ("agent", "GET /api/v1/pods"),
    # which pods need the agent is said to be unknown; the agent is there, or not, all the same
    ("agent", "DescribePodIdentityAssociation"),
    ("agent", "ListPodIdentityAssociations"),
    ("agent", "DescribeRouteTables"),
    ("agent", "DescribeVpcEndpoints"),
    # a redeemed token outranks these
    *(("verify", call) for call in ("DescribeAddon", "DescribeAddonVersions", "ListAddons", "ListInsights")),
    *(("verify", call) for call in ("DescribeInstances", "DescribeVpcEndpoints", "DescribeRouteTables")),
    *(("verify", f"GET {path}") for path in ("/api/v1/namespaces", LEASES)),
    ("verify", "GetRole"),
    *(("verify", call) for call in ("ListAttachedRolePolicies", "ListRolePolicies", "GetRolePolicy")),
    ("verify", "SimulatePrincipalPolicy"),
}
EBS = ("aws-ebs-csi-driver", "ebs-csi-controller-sa")
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
CODES = {way.line: way.code for way in MUTATED}
SEED = os.environ.get("PODID_SEED")  # before conftest.py clears the environment
FORMATS = ("json", "table", "wide", "yaml", "csv", "name", "jsonl")


@dataclass(frozen=True, slots=True)
class Case:
    """`way` is carried out while every answer to `call`, or only the `turn`-th, has the mutation."""

    way: str
    call: tuple[str, str]
    mutation: Mutation
    turn: int | None = None
    output: str = "json"
    runner: bool = False

    def __str__(self) -> str:
        return f"podid {self.way} -o {self.output}; {' '.join(self.call)}; {self.mutation}; turn {self.turn}"


class Lab:
    """A site that is the same before each case."""

    def __init__(self, site: Site) -> None:
        self.site = site
        iam = site.aws("iam")
        trust = iam.get_role(RoleName="storefront")["Role"]["AssumeRolePolicyDocument"]
        self._trust = trust
        self._last = ""
        self._put_roles_back()
        self._cluster = (
            deepcopy(site.box.world.clusters["demo"].associations),
            deepcopy(site.box.world.clusters["demo"].by_subject),
            deepcopy(site.box.world.clusters["demo"].addons),
        )
        self._answers: dict[str, dict[tuple[str, str], HttpAnswer]] = {}

    def answers(self, way: str) -> dict[tuple[str, str], HttpAnswer]:
        """The genuine ones to what the command asks."""
        if way not in self._answers:
            self._answers[way] = self._seen(way)
        return self._answers[way]

    def _seen(self, way: str) -> dict[tuple[str, str], HttpAnswer]:
        seen: dict[tuple[str, str], HttpAnswer] = {}

        def note(call: Call, genuine: Genuine) -> HttpAnswer:
            answer = genuine()
            seen.setdefault(_key(call), answer)
            return answer

        outcome = self.run(way, note)
        assert outcome.code == CODES.get(way), (way, outcome)
        return seen

    def run(self, way: str, front: Any, *more: str, **env: str) -> Outcome:
        self._put_back(way)
        with in_front(self.site, front):
            return self.site(*way.split(), *more, env=env)

    def _put_back(self, way: str) -> None:
        world, cluster = self.site.box.world, self.site.box.world.clusters["demo"]
        associations, by_subject, addons = self._cluster
        with world.lock:
            cluster.associations.clear()
            cluster.associations.update(deepcopy(associations))
            cluster.by_subject.clear()
            cluster.by_subject.update(by_subject)
            cluster.addons.clear()
            cluster.addons.update(deepcopy(addons))
            cluster.deleted.clear()
        world.changed("associations")
        world.notify()
        if self._last.startswith("role "):
            self._put_roles_back()
        self._last = way
        journal = self.site.directory / "state" / "podid" / "journal"
        for file in journal.glob("*") if journal.exists() else ():
            file.unlink()
        if way.startswith("addon disassociate"):
            done = self.site("addon", "associate", *EBS, "--role", "storefront", "--wait", "none")
            assert done.code == 0, done
        if way.startswith("undo"):
            done = self.site("associate", "payments/billing-worker", "--role", "billing-worker", "--wait", "none")
            assert done.code == 0, done

    def _put_roles_back(self) -> None:
        iam = self.site.aws("iam")
        for role in ("fresh", "storefront"):
            if self.role(role) and self.attached(role):
                iam.detach_role_policy(RoleName=role, PolicyArn=READ_ONLY)
        if self.role("fresh"):
            iam.delete_role(RoleName="fresh")
        if not self.role("demo-extra"):
            iam.create_role(RoleName="demo-extra", AssumeRolePolicyDocument=json.dumps(self._trust))
        iam.attach_role_policy(RoleName="demo-extra", PolicyArn=READ_ONLY)

    # what is really so, as the account and the cluster have it

    def associated(self, namespace: str, name: str) -> str:
        found = self.site.box.world.clusters["demo"]
        record = found.associations.get(found.by_subject.get((namespace, name), ""))
        return record.role_arn.rpartition("/")[2] if record is not None else ""

    def role(self, name: str) -> bool:
        return any(role["RoleName"] == name for role in self.site.aws("iam").list_roles()["Roles"])

    def attached(self, name: str) -> bool:
        found = self.site.aws("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        return "ReadOnlyAccess" in {policy["PolicyName"] for policy in found}

    def done(self, way: str) -> bool:
        """Whether what the command is to do has come about."""
        match way.split():
            case ["associate", "payments/billing-worker", *_]:
                return self.associated("payments", "billing-worker") == "billing-worker"
            case ["associate", "shop/orders", *_]:
                return self.associated("shop", "orders") == "storefront"
            case ["disassociate", *_]:
                return not self.associated("shop", "orders")
            case ["undo", *_]:
                return not self.associated("payments", "billing-worker")
            case ["role", "create", name, *_]:
                return self.role(name) and self.attached(name)
            case ["role", "attach", name, *_]:
                return self.attached(name)
            case ["role", "detach", name, *_]:
                return not self.attached(name)
            case ["role", "delete", name, *_]:
                return not self.role(name)
        return True


def _key(call: Call) -> tuple[str, str]:
    """Names that are other ones each time left out."""
    return call.service, re.sub(r"/(pods|jobs)/[^/]+", r"/\1/*", call.operation)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    directory = tmp_path_factory.mktemp("mutated")
    # the bundle is written where podid runs
    with contextlib.chdir(directory), whole_site(directory) as site:
        MUTATED[0].world(site)
        yield Lab(site)


def cases(lab: Lab, chance: random.Random, ways: Sequence[Way], number: int) -> Iterator[Case]:
    """Each call once, as far as they go, and then any."""
    every: dict[tuple[str, tuple[str, str]], dict[str, list[Mutation]]] = {}
    tried: set[tuple[str, str]] = set()
    for place in range(number):
        way = ways[place % len(ways)].line
        call = chance.choice(sorted(lab.answers(way).keys() - tried) or sorted(lab.answers(way)))
        tried.add(call)
        if (way, call) not in every:
            sorts: dict[str, list[Mutation]] = defaultdict(list)
            for mutation in mutations(lab.answers(way)[call]):
                sort = "error" if mutation.error >= 0 else "member" if mutation.path else "whole"
                sorts[sort].append(mutation)
            every[way, call] = sorts
        sorts = every[way, call]
        sort = chance.choices(("member", "whole", "error"), (7, 2, 1))[0]
        mutation = chance.choice(sorts[sort] or sorts["whole"])
        turn = chance.choice((None, None, 0, 1, 2))
        output = chance.choice(FORMATS[:1] * 4 + FORMATS[1:])
        yield Case(way, call, mutation, turn, output, chance.random() < 0.3)


def outcome_of(lab: Lab, case: Case) -> tuple[Outcome, int, int]:
    """What came of it, how many answers were wrong, and how many of them podid could not read."""
    turns = met = 0
    unreadable: list[str] = []

    def front(call: Call, genuine: Genuine) -> HttpAnswer:
        nonlocal turns, met
        answer = genuine()
        if _key(call) != case.call:
            return answer
        turns += 1
        if case.turn is not None and turns != case.turn + 1:
            return answer
        met += 1
        return mutated(answer, case.mutation)

    def noting(made: Any) -> Any:
        def make(*args: Any) -> Any:
            error = made(*args)
            unreadable.append(str(error))
            return error

        return make

    with pytest.MonkeyPatch.context() as patch:
        # what is tried again is tried again at once, and not for long
        for made, seconds in ((AwsSession, 0.2), (Transport, 0.3)):
            defaults: dict[str, Any] | None = made.__init__.__kwdefaults__
            assert defaults is not None
            patch.setitem(defaults, "patience", seconds)
        patch.setattr(cluster, "_PROBE_SECONDS", 0.3)
        patch.setattr(api, "unreadable", noting(aws_errors.unreadable))
        patch.setattr(errors, "unreadable", noting(errors.unreadable))
        env = {"CI": "true", **(RUNNER if case.runner else {})}
        outcome = lab.run(case.way, front, "-o", case.output, **env)
    return outcome, met, len(unreadable)


def check(lab: Lab, case: Case) -> None:
    outcome, _, unreadable = outcome_of(lab, case)
    assert "ran into a bug" not in outcome.stderr, outcome
    assert "Traceback" not in outcome.stdout + outcome.stderr, outcome
    assert outcome.code in set(ExitCode), outcome
    check_all(outcome, leading=case.runner)
    if outcome.code == 0 and unreadable and case.turn is None:
        assert not fine(lab, case, outcome), outcome


def fine(lab: Lab, case: Case, outcome: Outcome) -> str:
    """What exit code 0 claims although an answer that it stands on could not be read."""
    if case.way.startswith(("doctor", "verify", "agent status", "status")):
        return "" if (case.way.split()[0], case.call[1]) in SPARE else case.way
    return "" if lab.done(case.way) else "done"


def _try(lab: Lab, seed: str, ways: Sequence[Way], number: int) -> None:
    failures = []
    for case in cases(lab, random.Random(seed), ways, number):
        try:
            check(lab, case)
        except Exception as error:  # noqa: BLE001  each is told
            failures.append(f"{case}\n    {type(error).__name__}: {str(error)[:1500]}")
    assert not failures, f"seed {seed}: {len(failures)} of {number}\n" + "\n".join(failures[:20])


def test_a_fixed_set(lab: Lab) -> None:
    """Of the commands that make every call between them."""
    _try(lab, "podid", CALLING, 2 * len(CALLING))


@pytest.mark.rare
def test_the_fixed_set_has_every_call(lab: Lab) -> None:
    calls = {call for way in CALLING for call in lab.answers(way.line)}
    assert {call for way in MUTATED for call in lab.answers(way.line)} <= calls


@pytest.mark.rare
@pytest.mark.parametrize("part", range(8))
def test_far_more(lab: Lab, part: int) -> None:
    """Other ones each time; a failure tells its seed."""
    seed = SEED or f"{part} {random.SystemRandom().getrandbits(32)}"
    _try(lab, seed, MUTATED, 500)


# what the proof of an identity stands on
PROOF: tuple[tuple[tuple[str, str], Path], ...] = (
    (("sts", "GetCallerIdentity"), ("Arn",)),
    (("eks-auth", "AssumeRoleForPodIdentity"), ("subject", "namespace")),
    (("eks-auth", "AssumeRoleForPodIdentity"), ("subject", "serviceAccount")),
    (("eks-auth", "AssumeRoleForPodIdentity"), ("podIdentityAssociation", "associationId")),
    (("eks", "DescribePodIdentityAssociation"), ("association", "targetRoleArn")),
    (("eks", "DescribePodIdentityAssociation"), ("association", "namespace")),
    (("eks", "DescribePodIdentityAssociation"), ("association", "serviceAccount")),
    (("eks", "DescribePodIdentityAssociation"), ("association", "clusterName")),
    (("eks", "DescribePodIdentityAssociation"), ("association", "associationId")),
    (("eks", "DescribeCluster"), ("cluster", "name")),
    (("eks", "DescribeCluster"), ("cluster", "arn")),
)


@pytest.mark.parametrize(
    "place",
    one_in(3, [(place,) for place in PROOF]),
    ids=lambda place: f"{place[0][1]}.{'.'.join(map(str, place[1]))}",
)
def test_an_answer_about_another_resource_proves_nothing(lab: Lab, place: tuple[tuple[str, str], Path]) -> None:
    call, path = place
    if call[0] == "sts":  # XML
        body = lab.answers("whoami")[call].body
        path = next(found for found in paths(ET.fromstring(body)) if named(body, found) == path[-1])
    for way in ("verify shop/orders --yes", "verify shop/orders --yes --probe", "doctor"):
        if call not in lab.answers(way):
            continue
        # what follows the role in the ARN is the session's name
        for kind in ("another role", "missing", *(("appended",) if call[0] != "sts" else ("null",))):
            outcome, met, _ = outcome_of(lab, Case(way, call, Mutation(kind, path)))
            assert met
            if way == "doctor" and kind == "missing" and path[-1] == "targetRoleArn":
                continue  # an association without a target role looks like this
            assert outcome.code not in (0, 1), (way, kind, outcome.stdout[:600], outcome.stderr[-600:])
