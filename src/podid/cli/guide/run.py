"""Guided runs: read the facts, ask the questions, and run the command line of the answers."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from podid.cli.access import Access
from podid.cli.argv import leading_options, value_of
from podid.cli.changing import MOST_USERS
from podid.cli.cluster import cluster_by_server, no_cluster
from podid.cli.guide import associate, questions
from podid.cli.options import NAMESPACES, SHARED
from podid.cli.runtime import Instead
from podid.domain.errors import NotFound, Other
from podid.domain.findings import AGENT, EVERYONE
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Place
from podid.domain.report import DoctorReport
from podid.domain.snapshot import Known, attempt
from podid.domain.text import short_list
from podid.ops.change.kinds import ROLE
from podid.ops.role.read import read_role
from podid.ops.role.uses import read_uses
from podid.ops.status.diagnose import select, wanted_for
from podid.render.roles import permissions_of

# shared options without those that select namespaces: these belong to the request
_PLACE_OPTIONS = tuple(item for item in SHARED.values() if item.field not in NAMESPACES)
# options without an equivalent in Terraform
_NOT_IN_TERRAFORM = ("--restart", "--create-service-account", "--replace", "--update-trust")
# limits: printed permissions and associations of a role; runs to choose from
_SHOWN, _RUNS = 4, 20
Words = Callable[[questions.Answers, questions.Facts], tuple[str, ...]]


@dataclass(slots=True)
class Guide:
    """One guided run, with the facts that were read for earlier answers. `of_associations`: it is about existing
    associations; `of_pods`: it gives pods credentials."""

    access: Access
    of_associations: bool = False
    of_pods: bool = False
    _read: dict[str, questions.Facts] = field(default_factory=dict)

    def ask(self, question: questions.Prompt, back: bool) -> str | None:
        self.access.terminal.note(*question.lead)
        with self.access.runtime.asking() as prompter:
            return prompter.ask(question, back=back)

    def facts(self, answers: questions.Answers) -> questions.Facts:
        chosen = answers.get("cluster", "")
        if chosen not in self._read:
            self._read[chosen] = self._facts(chosen)
        if "which" in answers:
            return self._of_one(chosen, answers["which"])
        name = answers.get("role", "")
        if self.of_pods and self._read[chosen].role(name) is not None:
            return self._of_role(chosen, name)
        return self._read[chosen]

    def _facts(self, chosen: str) -> questions.Facts:
        access = self.access
        if not chosen and access.named is None:
            with self.access.terminal.working("listing clusters"):
                names = access.aws.eks.list_clusters()
                matched = cluster_by_server(access.shared, access.runtime.env, access.aws.eks, names)
            if not names:
                raise no_cluster(access.aws.region, access.shared, access.runtime.env)
            if matched is None:
                return questions.Facts(clusters=names)
            chosen = matched.name
        return self._of_cluster(self._at(chosen))

    def _at(self, chosen: str) -> Access:
        return self.access.of(cluster=chosen) if chosen else self.access

    def _of_cluster(self, access: Access) -> questions.Facts:
        """Return the facts of a cluster. Pods and roles only make the questions better, so failed reads are omitted.
        Raise the failure to list associations if the run is about these."""
        with self.access.terminal.working("reading service accounts and roles"):
            place, kube = access.place(), access.kube
            listed = attempt(lambda: access.aws.eks.list_association_summaries(place.cluster_name))
            summaries = listed.value if isinstance(listed, Known) else ()
            if self.of_associations and not isinstance(listed, Known):
                summaries = access.aws.eks.list_association_summaries(place.cluster_name)
            report = self._report(access, place, len(summaries))
            statuses = report.identities if report is not None else ()
            existing = attempt(lambda: kube.reader.list_service_accounts())
            pods = attempt(lambda: tuple(kube.reader.list_pods()))
            running = pods.value if isinstance(pods, Known) else ()
            accounts = (
                questions.accounts_of(existing.value, running, summaries, statuses)
                if isinstance(existing, Known)
                else ()
            )
            named = accounts or questions.accounts_of((), running, summaries, statuses)
            return questions.Facts(
                cluster=place.the_cluster,
                region=place.region,
                accounts=Known(accounts) if isinstance(existing, Known) else existing,
                associated=tuple(account for account in named if account.association is not None),
                agent=_agent_words(report) if report is not None and self.of_pods else "",
                roles=Known(()) if self.of_associations else attempt(access.aws.iam.list_roles),
            )

    def _report(self, access: Access, place: Place, associations: int) -> DoctorReport | None:
        """Return the checks of the cluster, of the agent alone for many associations. None for `role create`."""
        if not self.of_pods and not self.of_associations:
            return None
        scope = wanted_for()
        if associations > MOST_USERS:
            scope = replace(scope, checks=select(links=("agent",)))
        report = attempt(lambda: access.examine(place, scope).report)
        return report.value if isinstance(report, Known) else None

    def _of_one(self, chosen: str, which: str) -> questions.Facts:
        """Return the facts with the role of the chosen association, and whether podid created it here."""
        key = f"{chosen} {which}"
        if key not in self._read:
            access, ref = self._at(chosen), ServiceAccountRef.parse(which)
            with self.access.terminal.working(f"reading the association of {ref}"):
                place = access.place()
                association = access.aws.eks.find_association(place.cluster_name, ref)
                arn = association.role_arn if association is not None else ""
                name = role_name(arn) if arn else ""
                created = bool(name) and access.journal.created(place.account, ROLE.name, {"roleName": name})
            chained = association is not None and association.target_role_arn is not None
            created_here = frozenset({name} if created else ())
            self._read[key] = replace(self._read[chosen], role_of=arn, chained=chained, created_roles=created_here)
        return self._read[key]

    def _of_role(self, chosen: str, name: str) -> questions.Facts:
        """Return the facts with the permissions of the chosen role and its other associations in the cluster."""
        key = f"{chosen} role {name}"
        if key not in self._read:
            access, facts = self._at(chosen), self._read[chosen]
            with self.access.terminal.working(f"reading role {name}"):
                notes = attempt(lambda: tuple(_role_notes(access, name, len(facts.associated))))
            self._read[key] = replace(facts, role_notes=notes.value if isinstance(notes, Known) else ())
        return self._read[key]


def _role_notes(access: Access, name: str, associations: int) -> Iterator[str]:
    reading = read_role(access.clients, name)
    allowed = [
        words.removeprefix("may ")
        for item in permissions_of(reading)
        if item.kind != "boundary"
        for words in item.words or ()
    ]
    yield f"Role {name} allows {short_list(allowed, _SHOWN) if allowed else 'nothing, it has no permissions policy'}."
    if associations > MOST_USERS:
        return
    uses = read_uses(access.aws, reading.account, [(access.aws.region, access.place().cluster_name)])
    refs = [str(item.ref) for item in uses.of(reading.role.arn)]
    cluster = access.place().cluster_name
    yield f"Other associations in cluster {cluster} with this role: {short_list(refs, _SHOWN) if refs else 'none'}."


def has_only_place_options(argv: Sequence[str], path: tuple[str, ...]) -> bool:
    """Return whether the command line has only options about the place and the output format."""
    words = argv[len(path) :]
    return tuple(argv[: len(path)]) == path and len(words) <= leading_options(words, _PLACE_OPTIONS)


def ask_instead(access: Access, *path: str, ref: ServiceAccountRef | None = None) -> None:
    """Raise Instead, as `guided` returns it, on a terminal for a command line that has only options about the place."""
    typed = path if ref is None else (*path, str(ref))
    if access.runtime.interactive and has_only_place_options(access.argv, typed):
        raise guided(access, *path, ref=ref)


def guide_undo(access: Access) -> Instead:
    """Ask for a run of the journal. Raise NotFound if the journal is empty."""
    runs = [run for run in access.journal.legible()[0] if run.changed][:_RUNS]
    if not runs:
        raise NotFound("The journal has no run to undo", hint=Other(("history",)))
    options = [
        questions.Option(run.run_id, f"{run.started_at}  podid {shlex.join(run.command)}", run.status) for run in runs
    ]
    with access.runtime.asking() as prompter:
        run_id = prompter.ask(
            questions.Prompt(key="run", text="Which run should be undone?", options=questions.aligned(options)),
            back=False,
        )
    command = ("undo", str(run_id), *access.argv[1:])
    return Instead(command, () if access.shared.quiet else _command_lines(("podid", *command), terraform=False))


# the questions of a command, and the words of its answers; the other commands are about one identity
_FLOWS: Mapping[tuple[str, ...], tuple[questions.Flow, Words]] = {
    ("associate",): (associate.associate, associate.words),
    ("role", "create"): (associate.create_role, associate.create_role_words),
    ("disassociate",): (associate.disassociate, associate.disassociate_words),
}


def guided(access: Access, *path: str, ref: ServiceAccountRef | None = None) -> Instead:
    """Return the command line of the answers, and the lines to print after its result. The service account is not asked
    for if it is known (`ref`)."""
    known = {} if ref is None else questions.answers_of(ref)
    if ref is not None and access.named is not None:
        access.terminal.note(*questions.WELCOME)
    flow, words = _FLOWS.get(path, (associate.identity, associate.identity_words))
    existing = path not in (("associate",), ("role", "create"))
    guide = Guide(access, of_associations=existing, of_pods=path == ("associate",))
    answers = questions.walk(flow, guide.facts, guide.ask, known)
    facts = guide.facts(answers)
    assert facts.cluster is not None
    arguments = tuple(access.argv)[len(path) + bool(known) :]
    command = (*path, *words(answers, facts), *arguments)
    if not value_of("--cluster", arguments, short="-c"):
        command = (*command, "--cluster", facts.cluster.name)
    command = access.at_place(("podid", *command))[1:]
    ending = associate.ENDINGS[answers["go"]] if "go" in answers else ()
    lines = () if ending else _command_lines(("podid", *command), terraform="go" in answers)
    return Instead((*command, *ending), () if access.shared.quiet else lines)


def _agent_words(report: DoctorReport) -> str:
    """Return the agent's failure and its fix, or ""."""
    of_all = (verdict for verdict in report.findings if verdict.link == AGENT and verdict.chain == EVERYONE)
    verdict = next(of_all, None)
    if verdict is None:
        return ""
    fix = f". To fix it: {shlex.join(verdict.fix.commands[0])}" if verdict.fix and verdict.fix.commands else ""
    return f"Pods get no credentials yet: {verdict.message}{fix}"


def _command_lines(command: tuple[str, ...], *, terraform: bool) -> tuple[str, ...]:
    lines: tuple[str, ...] = ("The same without questions:", f"  {shlex.join(command)}")
    if terraform:
        lasting = (word for word in command if word not in _NOT_IN_TERRAFORM)
        lines += ("For Terraform:", f"  {shlex.join((*lasting, '--print', 'terraform'))}")
    return lines
