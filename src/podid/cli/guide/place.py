"""Questions about where: cluster, namespace, service account."""

from __future__ import annotations

from collections.abc import Callable

from podid.cli.guide.questions import ANOTHER, NO, OTHER, YES, Account, Answers, Facts, Option, Prompt, aligned
from podid.domain.errors import InvalidInput
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Missing
from podid.domain.text import count_of

WELCOME = (
    "A few questions, and nothing is changed before you have seen what would be done.",
    "Move with the arrow keys, choose with Enter; Ctrl-C leaves and changes nothing.",
)


def ask_cluster(answers: Answers, facts: Facts) -> Prompt | None:
    if facts.cluster is not None or "cluster" in answers:
        return None
    options = tuple(Option(name, name) for name in facts.clusters)
    return Prompt(key="cluster", text="Which cluster do the pods run in?", lead=WELCOME, options=options)


def ask_namespace(answers: Answers, facts: Facts) -> Prompt | None:
    """Those with pods first, the cluster's own last."""
    text = "Which namespace do they run in?"
    lead = () if answers else WELCOME
    if isinstance(facts.accounts, Missing) or answers.get("namespace") == OTHER:
        return _typed_name("namespace-typed", text, _why_typed(facts, lead), answers, _namespace_problem)
    if "namespace" in answers:
        return None
    found: dict[str, list[Account]] = {}
    for account in facts.accounts.value:
        if not account.exists:
            continue
        found.setdefault(account.ref.namespace, []).append(account)
    names = sorted(found, key=lambda name: (name.startswith("kube-"), not any(a.pods for a in found[name]), name))
    options = [Option(name, name, _namespace_note(found[name])) for name in names]
    options.append(ANOTHER)
    return Prompt(key="namespace", text=text, lead=lead, options=aligned(options))


def _namespace_note(accounts: list[Account]) -> str:
    pods = sum(account.pods for account in accounts)
    return f"{count_of(len(accounts), 'service account')}, {count_of(pods, 'pod')}"


def ask_account(answers: Answers, facts: Facts) -> Prompt | None:
    """Those with pods and without an association first."""
    text = "Which service account do they use?"
    namespace = namespace_of(answers)
    if isinstance(facts.accounts, Missing) or answers.get("account") == OTHER:
        return _typed_name("account-typed", text, (), answers, _account_problem)
    if "account" in answers:
        return None
    here = [item for item in facts.accounts.value if item.exists and item.ref.namespace == namespace]
    if not here:
        lead = (f"There is no service account in namespace {namespace} so far.",)
        return _typed_name("account-typed", text, lead, answers, _account_problem)
    here.sort(key=lambda a: (bool(a.owner), a.association is not None, a.ref.name == "default", not a.pods, a.ref.name))
    options = [Option(a.ref.name, a.ref.name, _account_note(a), _off(a)) for a in here]
    options.append(ANOTHER)
    return Prompt(key="account", text=text, options=aligned(options))


def _account_note(account: Account) -> str:
    state = f": {account.state}" if account.state else ""
    return account.words + (f"; has a role already{state}" if account.association is not None else "")


def _off(account: Account) -> str:
    return "belongs to an add-on: podid addon associate" if account.owner else ""


def ask_create_account(answers: Answers, facts: Facts) -> Prompt | None:
    """For one that does not exist."""
    ref = ref_of(answers)
    account = facts.account(ref)
    exists = account is not None and account.exists
    if isinstance(facts.accounts, Missing) or exists or "create-account" in answers:
        return None
    return Prompt(
        key="create-account",
        text=f"There is no service account {ref}. Create it?",
        options=(
            Option(YES, "Create it"),
            Option(NO, "Do not create it: it will be there before the pods start"),
        ),
    )


def _typed_name(
    key: str, text: str, lead: tuple[str, ...], answers: Answers, check: Callable[[str], str]
) -> Prompt | None:
    return None if key in answers else Prompt(key=key, text=text, lead=lead, check=check)


def _namespace_problem(text: str) -> str:
    return _name_problem(text, "{}/x")


def _account_problem(text: str) -> str:
    return _name_problem(text, "x/{}")


def _name_problem(text: str, form: str) -> str:
    """What a name looks like, and not the name again: there is one line for it."""
    name = text.strip()
    if not name or "/" in name:
        return "the name alone, without a '/'"
    try:
        ServiceAccountRef.parse(form.format(name))
    except InvalidInput as error:
        return error.message.partition(": ")[2]
    return ""


def _why_typed(facts: Facts, lead: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(facts.accounts, Missing):
        return (*lead, f"The cluster's service accounts cannot be listed: {facts.accounts.reason}.")
    return lead


def namespace_of(answers: Answers) -> str:
    return answers.get("namespace-typed", answers.get("namespace", "")).strip()


def ref_of(answers: Answers) -> ServiceAccountRef:
    return ServiceAccountRef(namespace_of(answers), answers.get("account-typed", answers.get("account", "")).strip())


def pods_note(answers: Answers, facts: Facts) -> str:
    """`Deployment orders, 2 pods`; empty where no pod runs, or none can be seen."""
    account = facts.account(ref_of(answers))
    return account.words if account is not None and account.pods else ""
