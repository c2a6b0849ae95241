"""Questions about where: cluster, namespace, service account."""

from collections.abc import Callable, Iterator, Mapping

from podid.cli.guide.questions import (
    ANOTHER,
    NO,
    YES,
    Account,
    Answers,
    Facts,
    Option,
    Prompt,
    aligned,
    listed_or_typed,
)
from podid.domain.errors import InvalidInput
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Missing
from podid.domain.text import count_of

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
