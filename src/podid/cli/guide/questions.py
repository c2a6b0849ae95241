"""The questions of a guided run as data, and the loop that asks them; those about where: cluster and service account.
`Facts` is the data that podid reads for them, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podid.domain.aws import AssociationSummary, Cluster, Role
from podid.domain.cluster import Pod, ServiceAccount
from podid.domain.errors import InvalidInput, PodidError
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Missing, Section
from podid.domain.status import IdentityStatus
from podid.domain.text import count_of, short_list
from podid.domain.trust import PodIdentity, TrustVerdict, evaluate, parse_policy
from podid.domain.workloads import live, workload_subject
from podid.render.marks import state_word
from podid.render.status import link_of

# the answers so far by the keys of their questions; never changed, so that going back restores an earlier value
Answers = Mapping[str, str]
# yields the questions in order; the loop stops at the first one without an answer, so later code can rely on those
Flow = Callable[[Answers, "Facts"], "Iterator[Prompt]"]

# the answer "something else": the next question asks for the value
OTHER = "…"
YES, NO = "yes", "no"
NOTHING = "nothing"
_NONE: Known[Any] = Known(())


@dataclass(frozen=True, slots=True)
class Option:
    """`value` is the answer, `title` and `note` are displayed. `off` is the reason why it cannot be chosen."""

    value: str
    title: str
    note: str = ""
    off: str = ""


ANOTHER = Option(OTHER, "Another one: type its name")
ADD_STATEMENT = Option(YES, "Yes: add a statement to its trust policy; other statements stay unchanged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """`key` names the answer; `lead` are sentences before the question. Without options the answer is typed, and
    `check` returns the reason why it is not valid, or ""."""

    key: str
    text: str
    lead: Sequence[str] = ()
    options: tuple[Option, ...] = ()
    check: Callable[[str], str] = lambda text: ""


def refused(read: Callable[[str], object]) -> Callable[[str], str]:
    """Return a check that gives the message with which `read` refuses a text."""

    def check(text: str) -> str:
        try:
            read(text.strip())
        except PodidError as error:
            return error.message
        return ""

    return check


def file_of(text: str) -> Path:
    return Path(text.strip()).expanduser()


def no_file(text: str) -> str:
    return "" if file_of(text).is_file() else "no such file"


def walk(
    flow: Flow,
    load: Callable[[Answers], Facts],
    ask: Callable[[Prompt, bool], str | None],
    known: Answers | None = None,
) -> Answers:
    """Return the answers to all questions of the flow; those that are `known` are not asked. `load` returns the facts
    for the answers so far. `ask` returns an answer, or None to go back, which its second argument offers from the
    second question on."""
    answers: Answers = known or {}
    earlier: list[Answers] = []
    while question := next((item for item in flow(answers, load(answers)) if item.key not in answers), None):
        answer = ask(question, bool(earlier))
        if answer is None:
            answers = earlier.pop()
        else:
            earlier.append(answers)
            answers = {**answers, question.key: answer}
    return answers


def listed_or_typed(answers: Answers, listed: Prompt, typed: Prompt) -> Iterator[Prompt]:
    """Yield a choice, and the second question if the answer is OTHER."""
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
    """Yield a choice of the options, and the questions of `then` about the answer, until none is left or the answer is
    NOTHING. Answers are `KEY.0`, `KEY.1`…. `none` returns the option NOTHING for the first and for later choices."""
    remaining = list(options)
    for number in range(len(options)):
        question = Prompt(key=f"{key}.{number}", text=text, options=(none(number == 0), *remaining))
        yield question
        answer = answers[question.key]
        if answer == NOTHING:
            return
        remaining = [option for option in remaining if option.value != answer]
        yield from then(answer)


def aligned(options: Sequence[Option]) -> tuple[Option, ...]:
    longest = max((len(option.title) for option in options if option.note or option.off), default=0)
    return tuple(
        Option(
            option.value, option.title.ljust(min(longest, 40)) if option.note else option.title, option.note, option.off
        )
        for option in options
    )


@dataclass(frozen=True, slots=True)
class Account:
    """A service account with the number of running pods of each workload. `exists` is False if only an association
    names it."""

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
        """Return `Deployment orders, 2 pods`."""
        if not self.exists:
            return "does not exist"
        if not self.workloads:
            return "no pods"
        return f"{short_list(self.workloads, 1)}, {count_of(self.pods, 'pod')}"

    @property
    def state(self) -> str:
        """Return `ready` or `broken, SDK: static-aws-keys-shadow`; empty if it was not checked."""
        if self.status is None or self.status.state is None:
            return ""
        cause = f", {link_of(self.status.cause)}" if self.status.cause is not None else ""
        return f"{state_word(self.status.state)}{cause}"

    @property
    def owner(self) -> str:
        """Return the ARN of the add-on that owns its association; empty without one."""
        return (self.association.owner_arn or "") if self.association is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`clusters` are the choices if no cluster is specified; all other facts are about `cluster`. `associated` has the
    service accounts with an association, also without Kubernetes access. `agent` is the agent's failure and its fix.
    `role_of` is the role of the chosen association, `chained` whether that has a target role. `created_roles` are the
    roles that podid created here. `role_notes` describe the chosen role."""

    clusters: tuple[str, ...] = ()
    cluster: Cluster | None = None
    region: str = ""
    accounts: Section[tuple[Account, ...]] = _NONE
    associated: tuple[Account, ...] = ()
    roles: Section[tuple[Role, ...]] = _NONE
    agent: str = ""
    role_of: str = ""
    chained: bool = False
    role_notes: tuple[str, ...] = ()
    created_roles: frozenset[str] = frozenset()

    @property
    def cluster_name(self) -> str:
        return self.cluster.name if self.cluster is not None else ""

    def account(self, ref: ServiceAccountRef) -> Account | None:
        """Return the service account, or None if it does not exist or could not be read."""
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
    """Return every service account that exists or that has an association, sorted."""
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


def trust_of(role: Role, cluster: Cluster, ref: ServiceAccountRef) -> tuple[TrustVerdict, str]:
    """Return whether the role's trust policy allows the service account's pods, and in words all pods that it allows.
    IAM lists omit tags."""
    try:
        who = PodIdentity(cluster.arn, ref.namespace, ref.name, role_tags=None)
        evaluation = evaluate(parse_policy(role.trust), who)
    except InvalidInput:
        return TrustVerdict.UNKNOWN, ""
    return evaluation.verdict, evaluation.scope.words if evaluation.scope is not None else ""


WELCOME = (
    "podid asks a few questions and changes nothing before you have seen the plan.",
    "Move with the arrow keys, choose with Enter. Ctrl-C ends without a change.",
)
OWNED = "owned by an add-on: podid addon "


def which_cluster(answers: Answers, facts: Facts) -> Iterator[Prompt]:
    if facts.cluster is None:
        options = tuple(Option(name, name) for name in facts.clusters)
        yield Prompt(key="cluster", text="Which cluster do the pods run in?", lead=WELCOME, options=options)


def which_account(answers: Answers, facts: Facts) -> Iterator[Prompt]:
    """Ask for namespace and service account. Service accounts with pods come first, those of Kubernetes itself last."""
    yield from which_cluster(answers, facts)
    lead = () if "cluster" in answers else WELCOME
    if isinstance(facts.accounts, Missing):
        yield _namespace((*lead, f"The cluster's service accounts cannot be listed: {facts.accounts.reason}."))
        yield _account()
        return
    by_namespace = grouped((account.ref.namespace, account) for account in facts.accounts.value if account.exists)
    pods = {name: sum(account.pods for account in accounts) for name, accounts in by_namespace.items()}
    options = [
        Option(name, name, f"{count_of(len(accounts), 'service account')}, {count_of(pods[name], 'pod')}")
        for name, accounts in sorted(by_namespace.items(), key=lambda item: _namespace_rank(item[0], pods))
    ]
    typed = _namespace(lead)
    yield from listed_or_typed(
        answers, Prompt(key="namespace", text=typed.text, lead=lead, options=aligned((*options, ANOTHER))), typed
    )
    accounts = by_namespace.get(namespace_of(answers), [])
    if accounts:
        accounts.sort(key=_rank)
        options = [Option(a.ref.name, a.ref.name, _note(a), f"{OWNED}associate" if a.owner else "") for a in accounts]
        typed = _account()
        yield from listed_or_typed(
            answers, Prompt(key="account", text=typed.text, options=aligned((*options, ANOTHER))), typed
        )
    else:
        yield _account((f"Namespace {namespace_of(answers)} has no service account yet.",))


def missing_account(answers: Answers, facts: Facts) -> Iterator[Prompt]:
    """Ask whether to create the chosen service account, unless it exists or the service accounts could not be read."""
    ref = ref_of(answers)
    if not isinstance(facts.accounts, Missing) and not ((account := facts.account(ref)) and account.exists):
        yield Prompt(
            key="create-account",
            text=f"Service account {ref} does not exist. Create it?",
            options=(
                Option(YES, "Create it"),
                Option(NO, "Do not create it: it will exist before the pods start"),
            ),
        )


def _namespace_rank(name: str, pods: Mapping[str, int]) -> tuple[object, ...]:
    return name.startswith("kube-"), not pods[name], name == "default", name


def _rank(account: Account) -> tuple[object, ...]:
    """Sort accounts with pods and without an association first."""
    ref = account.ref
    return bool(account.owner), account.association is not None, not account.pods, ref.name == "default", ref.name


def _note(account: Account) -> str:
    state = f": {account.state}" if account.state else ""
    return account.words + (f"; has a role{state}" if account.association is not None else "")


def _namespace(lead: tuple[str, ...]) -> Prompt:
    text = "Which namespace do the pods run in?"
    return Prompt(key="namespace-typed", text=text, lead=lead, check=_check_name("{}/x"))


def _account(lead: tuple[str, ...] = ()) -> Prompt:
    text = "Which service account do the pods use?"
    return Prompt(key="account-typed", text=text, lead=lead, check=_check_name("x/{}"))


def _check_name(form: str) -> Callable[[str], str]:
    """Return a check of a name. Its message omits the name: the prompt has one line for both."""

    def check(text: str) -> str:
        name = text.strip()
        if not name or "/" in name:
            return "type the name without a '/'"
        try:
            ServiceAccountRef.parse(form.format(name))
        except InvalidInput as error:
            return error.message.partition(": ")[2]
        return ""

    return check


def answers_of(ref: ServiceAccountRef) -> Answers:
    """Return the answers to the questions of `which_account`, for a service account that the user specified."""
    of_namespace = dict.fromkeys(("namespace", "namespace-typed"), ref.namespace)
    return of_namespace | dict.fromkeys(("account", "account-typed"), ref.name)


def namespace_of(answers: Answers) -> str:
    return answers.get("namespace-typed", answers.get("namespace", "")).strip()


def ref_of(answers: Answers) -> ServiceAccountRef:
    return ServiceAccountRef(namespace_of(answers), answers.get("account-typed", answers.get("account", "")).strip())


def pods_note(answers: Answers, facts: Facts) -> str:
    """Return `Deployment orders, 2 pods`, or "" if no pod is known to run."""
    account = facts.account(ref_of(answers))
    return account.words if account is not None and account.pods else ""
