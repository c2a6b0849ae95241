"""Guided runs: what is known is read, the questions are asked, and the command line that they make is carried out."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from podid.cli.argv import leading_options, value_of
from podid.cli.changing import MOST_USERS
from podid.cli.cluster import cluster_by_server, no_cluster
from podid.cli.guide import associate
from podid.cli.guide.questions import Answers, Facts, Flow, Prompt, accounts_of, walk
from podid.cli.options import NAMESPACES, SHARED
from podid.cli.runtime import Instead
from podid.domain.findings import AGENT, EVERYONE
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.snapshot import Known, attempt
from podid.ops.change.kinds import ROLE
from podid.ops.status.diagnose import select, wanted_for

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.domain.plan import Place
    from podid.domain.report import DoctorReport


# shared options; those that choose among namespaces belong to what is to be done
_WHERE = tuple(item for item in SHARED.values() if item.field not in NAMESPACES)
# what Terraform has nothing of
_OF_THIS_RUN = ("--restart", "--create-service-account", "--replace", "--update-trust")
Words = Callable[[Answers, Facts], tuple[str, ...]]


@dataclass(slots=True)
class Guide:
    """One guided run; what was read for an answer is kept for when it is given again. `of_associations`: it is about
    those that are there; `of_pods`: pods are to get credentials."""

    access: Access
    of_associations: bool = False
    of_pods: bool = False
    _read: dict[str, Facts] = field(default_factory=dict)

    def answers(self, flow: Flow) -> Answers:
        return walk(flow, self.facts, self._ask)

    def _ask(self, question: Prompt, back: bool) -> str | None:
        self.access.terminal.note(*question.lead)
        with self.access.runtime.asking() as prompter:
            return prompter.ask(question, back=back)

    def facts(self, answers: Answers) -> Facts:
        chosen = answers.get("cluster", "")
        if chosen not in self._read:
            self._read[chosen] = self._facts(chosen)
        return self._of_one(chosen, answers["which"]) if "which" in answers else self._read[chosen]

    def _facts(self, chosen: str) -> Facts:
        access = self.access
        if not chosen and access.named is None:
            with self.access.terminal.working("looking for clusters"):
                names = access.aws.eks.list_clusters()
                matched = cluster_by_server(access.shared, access.runtime.env, access.aws.eks, names)
            if not names:
                raise no_cluster(access.aws.region, access.shared, access.runtime.env)
            if matched is None:
                return Facts(clusters=names)
            chosen = matched.name
        return self._of_cluster(self._at(chosen))

    def _at(self, chosen: str) -> Access:
        return self.access.of(cluster=chosen) if chosen else self.access

    def _of_cluster(self, access: Access) -> Facts:
        """Of pods and associations what cannot be read is left out: they only make the questions better. Raises where
        associations are what is asked for."""
        with self.access.terminal.working("reading service accounts and roles"):
            place, kube = access.place(), access.kube
            listed = attempt(lambda: access.aws.eks.list_association_summaries(place.cluster_name))
            having = listed.value if isinstance(listed, Known) else ()
            if self.of_associations and not isinstance(listed, Known):
                having = access.aws.eks.list_association_summaries(place.cluster_name)
            report = self._report(access, place, len(having))
            statuses = report.identities if report is not None else ()
            existing = attempt(lambda: kube.reader.list_service_accounts())
            pods = attempt(lambda: tuple(kube.reader.list_pods()))
            running = pods.value if isinstance(pods, Known) else ()
            accounts = accounts_of(existing.value, running, having, statuses) if isinstance(existing, Known) else ()
            named = accounts or accounts_of((), running, having, statuses)
            return Facts(
                cluster=place.the_cluster,
                region=place.region,
                accounts=Known(accounts) if isinstance(existing, Known) else existing,
                associated=tuple(account for account in named if account.association is not None),
                agent=_agent_words(report) if report is not None and self.of_pods else "",
                roles=Known(()) if self.of_associations else attempt(access.aws.iam.list_roles),
            )

    def _report(self, access: Access, place: Place, associations: int) -> DoctorReport | None:
        """Return the checks of the cluster, or only those of the agent where the associations are many. None where no
        pods are to get or lose credentials."""
        if not self.of_pods and not self.of_associations:
            return None
        scope = wanted_for()
        if associations > MOST_USERS:
            scope = replace(scope, checks=select(links=("agent",)))
        report = attempt(lambda: access.examine(place, scope).report)
        return report.value if isinstance(report, Known) else None

    def _of_one(self, chosen: str, which: str) -> Facts:
        """With the role of the association that was chosen, and whether podid made it here."""
        key = f"{chosen} {which}"
        if key not in self._read:
            access, ref = self._at(chosen), ServiceAccountRef.parse(which)
            with self.access.terminal.working(f"reading the association of {ref}"):
                place = access.place()
                association = access.aws.eks.find_association(place.cluster_name, ref)
                arn = association.role_arn if association is not None else ""
                name = role_name(arn) if arn else ""
                made = bool(name) and access.journal.made(place.account, ROLE.name, {"roleName": name})
            goes_on = association is not None and association.target_role_arn is not None
            made_here = frozenset({name} if made else ())
            self._read[key] = replace(self._read[chosen], role_of=arn, goes_on=goes_on, made=made_here)
        return self._read[key]


def says_only_where(argv: Sequence[str], path: tuple[str, ...]) -> bool:
    """Whether a command line says where, and how to write the result, and not what is to be done."""
    words = argv[len(path) :]
    return tuple(argv[: len(path)]) == path and len(words) <= leading_options(words, _WHERE)


def guide_associate(access: Access) -> Instead:
    return _guided(access, ("associate",), associate.associate, associate.words)


def guide_role_create(access: Access) -> Instead:
    return _guided(access, ("role", "create"), associate.create_role, associate.create_role_words)


def guide_disassociate(access: Access) -> Instead:
    return _guided(access, ("disassociate",), associate.disassociate, associate.disassociate_words)


def _guided(access: Access, path: tuple[str, ...], flow: Flow, words: Words) -> Instead:
    """The command line to carry out in place of the one that was given, and what to say after it."""
    guide = Guide(access, of_associations=path == ("disassociate",), of_pods=path == ("associate",))
    answers = guide.answers(flow)
    facts = guide.facts(answers)
    assert facts.cluster is not None
    given = tuple(access.argv)[len(path) :]
    command = (*path, *words(answers, facts), *given)
    if not value_of("--cluster", given, short="-c"):
        command = (*command, "--cluster", facts.cluster.name)
    command = access.at_place(("podid", *command))[1:]
    ending = associate.ending(answers) if "go" in answers else ()
    said = () if ending else _said(("podid", *command), terraform="go" in answers)
    return Instead((*command, *ending), () if access.shared.quiet else said)


def _agent_words(report: DoctorReport) -> str:
    """Return what is wrong with the agent, and the command that mends it; empty where nothing is."""
    of_all = (verdict for verdict in report.findings if verdict.link == AGENT and verdict.chain == EVERYONE)
    verdict = next(of_all, None)
    if verdict is None:
        return ""
    fix = f". To fix it: {shlex.join(verdict.fix.commands[0])}" if verdict.fix and verdict.fix.commands else ""
    return f"Pods get no credentials yet: {verdict.message}{fix}"


def _said(command: tuple[str, ...], *, terraform: bool) -> tuple[str, ...]:
    lines: tuple[str, ...] = ("The same without questions:", f"  {shlex.join(command)}")
    if terraform:
        lasting = (word for word in command if word not in _OF_THIS_RUN)
        lines += ("For Terraform:", f"  {shlex.join((*lasting, '--print', 'terraform'))}")
    return lines
