"""What a guided run asks next, as data, and the loop that asks it; what it knows of the place, read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podid.domain.aws import AssociationSummary, Cluster, Role
from podid.domain.cluster import Pod, ServiceAccount
from podid.domain.errors import InvalidInput, PodidError
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Section
from podid.domain.status import IdentityStatus
from podid.domain.text import count_of, short_list
from podid.domain.trust import PodIdentity, TrustVerdict, evaluate, parse_policy
from podid.domain.workloads import live, workload_subject
from podid.render.marks import state_word
from podid.render.status import link_of

# what was answered so far, by the keys of the questions; never changed, so that going back is taking an earlier one
Answers = Mapping[str, str]
# the questions of a guided run in order; it stops at the first one without an answer, so what follows can rely on those
Flow = Callable[[Answers, "Facts"], "Iterator[Prompt]"]

# an option whose value is to be typed: the question after it asks for that
OTHER = "…"
YES, NO = "yes", "no"
NOTHING = "nothing"


def anything(text: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Option:
    """`value` is the answer, `title` and `note` are what is shown. One that cannot be taken says why in `off`."""

    value: str
    title: str
    note: str = ""
    off: str = ""


ANOTHER = Option(OTHER, "Another one: I type its name")
# of a role's trust, where podid may change it
ADD_STATEMENT = Option(YES, "Yes: add a statement to its trust policy; the others stay as they are")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """`key` is what the answer is kept as, `lead` are sentences before it. Without options the answer is typed, and
    `check` says what is wrong with it, "" for nothing."""

    key: str
    text: str
    lead: Sequence[str] = ()
    options: tuple[Option, ...] = ()
    check: Callable[[str], str] = field(default=anything)


def refused(read: Callable[[str], object]) -> Callable[[str], str]:
    """A check: what `read` says of a text that it does not take."""

    def check(text: str) -> str:
        try:
            read(text.strip())
        except PodidError as error:
            return error.message
        return ""

    return check


def file_of(text: str) -> Path:
    """The file that was typed."""
    return Path(text.strip()).expanduser()


def no_file(text: str) -> str:
    """A check, for a file that is there."""
    return "" if file_of(text).is_file() else "there is no such file"


def walk(flow: Flow, load: Callable[[Answers], Facts], ask: Callable[[Prompt, bool], str | None]) -> Answers:
    """Asks until nothing is left to ask. `load` gives what is known where these answers hold; `ask` gives the answer,
    or None to go back, which is offered (its second argument) from the second question on."""
    answers: Answers = {}
    earlier: list[Answers] = []
    while (question := _next_question(flow(answers, load(answers)), answers)) is not None:
        answer = ask(question, bool(earlier))
        if answer is None:
            answers = earlier.pop()
        else:
            earlier.append(answers)
            answers = {**answers, question.key: answer}
    return answers


def _next_question(questions: Iterator[Prompt], answers: Answers) -> Prompt | None:
    return next((question for question in questions if question.key not in answers), None)


def listed_or_typed(answers: Answers, listed: Prompt, typed: Prompt) -> Iterator[Prompt]:
    """A choice, and the second question for those who choose OTHER."""
    yield listed
    if answers[listed.key] == OTHER:
        yield typed


def one_by_one(
    answers: Answers,
    key: str,
    text: str,
    options: Sequence[Option],
    then: Callable[[str], Iterator[Prompt]],
    *,
    none: Callable[[bool], Option],
) -> Iterator[Prompt]:
    """Asks for one of the options, and `then` about it, until none is left or NOTHING is chosen; the answers are
    `KEY.0`, `KEY.1`…. `none` is that choice, at first and later."""
    left = list(options)
    for number in range(len(options)):
        question = Prompt(key=f"{key}.{number}", text=text, options=(none(number == 0), *left))
        yield question
        answer = answers[question.key]
        if answer == NOTHING:
            return
        left = [option for option in left if option.value != answer]
        yield from then(answer)


def aligned(options: Sequence[Option]) -> tuple[Option, ...]:
    """With their notes in one column."""
    longest = max((len(option.title) for option in options if option.note or option.off), default=0)
    return tuple(
        Option(
            option.value, option.title.ljust(min(longest, 40)) if option.note else option.title, option.note, option.off
        )
        for option in options
    )


@dataclass(frozen=True, slots=True)
class Account:
    """A service account, with its workloads by name and how many of their pods run. `exists` is False for one that only
    an association names."""

    ref: ServiceAccountRef
    workloads: Mapping[str, int]
    association: AssociationSummary | None = None
    exists: bool = True
    status: IdentityStatus | None = None

    @property
    def pods(self) -> int:
        return sum(self.workloads.values())

    @property
    def words(self) -> str:
        """`Deployment orders, 2 pods`."""
        if not self.exists:
            return "does not exist"
        if not self.workloads:
            return "no pods"
        return f"{short_list(self.workloads, 1)}, {count_of(self.pods, 'pod')}"

    @property
    def state(self) -> str:
        """`ready`, `broken, SDK: static-aws-keys-shadow`; empty where it was not checked."""
        if self.status is None or self.status.state is None:
            return ""
        cause = f", {link_of(self.status.cause)}" if self.status.cause is not None else ""
        return f"{state_word(self.status.state)}{cause}"

    @property
    def owner(self) -> str:
        """The ARN of the add-on that owns its association; empty where none does."""
        return (self.association.owner_arn or "") if self.association is not None else ""


def _none() -> Known[Any]:
    return Known(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`clusters` are those to choose from, where nothing decides; all else is of `cluster`, once it is decided.
    `associated` are those with an association, also where the cluster cannot be looked into; `agent` is what is wrong
    with the agent, and the command that mends it; `role_of` is the role of the one that was chosen, `goes_on` whether
    that has a target role, and `made` are names of roles that podid made here."""

    clusters: tuple[str, ...] = ()
    cluster: Cluster | None = None
    region: str = ""
    accounts: Section[tuple[Account, ...]] = field(default_factory=_none)
    associated: tuple[Account, ...] = ()
    roles: Section[tuple[Role, ...]] = field(default_factory=_none)
    agent: str = ""
    role_of: str = ""
    goes_on: bool = False
    made: frozenset[str] = frozenset()

    @property
    def cluster_name(self) -> str:
        return self.cluster.name if self.cluster is not None else ""

    def account(self, ref: ServiceAccountRef) -> Account | None:
        """None for one that does not exist, or cannot be known."""
        known = self.accounts.value if isinstance(self.accounts, Known) else self.associated
        return next((account for account in known if account.ref == ref), None)

    def role(self, name: str) -> Role | None:
        known = self.roles.value if isinstance(self.roles, Known) else ()
        return next((role for role in known if role.name == name), None)


def accounts_of(
    accounts: Sequence[ServiceAccount],
    pods: Sequence[Pod],
    associations: Sequence[AssociationSummary],
    statuses: Sequence[IdentityStatus] = (),
) -> tuple[Account, ...]:
    """Every service account that exists or that has an association, sorted."""
    workloads: dict[ServiceAccountRef, Counter[str]] = {}
    for pod in pods:
        if live(pod):
            subject = workload_subject(pod)
            pods_of = workloads.setdefault(ServiceAccountRef(pod.namespace, pod.service_account), Counter())
            pods_of[f"{subject.kind} {subject.name}"] += 1
    associated = {item.ref: item for item in associations}
    existing = {account.ref for account in accounts}
    states = {status.ref: status for status in statuses}
    return tuple(
        Account(ref, workloads.get(ref, {}), associated.get(ref), ref in existing, states.get(ref))
        for ref in sorted(existing | set(associated))
    )


def admits(role: Role, cluster: Cluster, ref: ServiceAccountRef) -> TrustVerdict:
    """Whether the role's trust policy admits the service account's pods. Of a list of roles the tags are not known."""
    try:
        who = PodIdentity(cluster.arn, ref.namespace, ref.name, role_tags=None)
        return evaluate(parse_policy(role.trust), who).verdict
    except InvalidInput:
        return TrustVerdict.UNKNOWN
