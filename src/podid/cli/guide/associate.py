"""Guided mode of `podid associate`, `role create`, `disassociate` and commands about one identity: the questions, and
the command line of the answers."""

from collections.abc import Iterator, Mapping, Sequence

from podid.cli.guide import questions, role
from podid.domain.aws import Role
from podid.domain.errors import NotFound
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef, role_name
from podid.domain.snapshot import Known, Missing
from podid.domain.trust import TrustVerdict
from podid.facts.restarts import LIFETIME, OF_TARGET, lifetime_words

NEW = "new"
DO, SHOW, TERRAFORM = "do", "show", "terraform"
# the words for the last answer
ENDINGS: Mapping[str, tuple[str, ...]] = {DO: (), SHOW: ("--dry-run",), TERRAFORM: ("--print", "terraform")}
_RANKS = (TrustVerdict.MATCH, TrustVerdict.UNKNOWN, TrustVerdict.NO_MATCH)
_NOTES = ("allows", "not known whether it allows these pods", "does not allow these pods yet")


def associate(answers: questions.Answers, facts: questions.Facts) -> Iterator[questions.Prompt]:
    yield from questions.which_account(answers, facts)
    yield from questions.missing_account(answers, facts)
    yield from questions.listed_or_typed(
        answers,
        _which_role(answers, facts),
        questions.Prompt(
            key="role-typed", text="The role's name or ARN:", check=lambda text: "" if text.strip() else "type a name"
        ),
    )
    existing = facts.role(answers["role"])
    if answers["role"] == NEW:
        yield from role.new_role(answers, facts)
    elif existing is not None and _trust(existing, answers, facts)[0] is TrustVerdict.NO_MATCH:
        lead = (f"The trust policy of role {existing.name} does not allow pods of {questions.ref_of(answers)}.",)
        options = (questions.ADD_STATEMENT, questions.Option(questions.NO, "No: change it before you associate"))
        yield questions.Prompt(key="trust", text="May podid change it?", lead=lead, options=options)
        if answers["trust"] == questions.YES:
            yield role.scope(answers, facts)
    yield from role.settings(answers, facts)
    if pods := questions.pods_note(answers, facts):
        yield questions.Prompt(
            key="restart",
            text="Restart these pods?",
            lead=(f"Running pods ({pods}) get the role only after a restart.",),
            options=(
                questions.Option(questions.YES, "Yes: a rolling restart, as by kubectl rollout restart"),
                questions.Option(questions.NO, "No: they get the role at their next restart"),
            ),
        )
    yield _last_question(summary(answers, facts))


def _which_role(answers: questions.Answers, facts: questions.Facts) -> questions.Prompt:
    """Offer a new role, then roles whose trust policy allows the pods, then others for pods."""
    ranked: list[tuple[int, str, str]] = []
    if "role" not in answers and isinstance(facts.roles, Known):  # evaluate each of thousands once
        roles = (item for item in facts.roles.value if not item.service_linked)
        ranked = sorted(rank for item in roles if (rank := _rank(item, answers, facts)) is not None)
    lead = (
        (f"The account's roles could not be listed: {facts.roles.reason}.",) if isinstance(facts.roles, Missing) else ()
    )
    options = (
        questions.Option(NEW, "A new role, created now"),
        *(questions.Option(name, name, f"{_NOTES[rank]} {scope}".strip()) for rank, name, scope in ranked),
        questions.Option(questions.OTHER, "Another one: type its name or ARN"),
    )
    return questions.Prompt(
        key="role", text="Which IAM role should the pods get?", lead=lead, options=questions.aligned(options)
    )


def _trust(item: Role, answers: questions.Answers, facts: questions.Facts) -> tuple[TrustVerdict | None, str]:
    """Return whether the trust policy allows the pods (None: it is not for pods), and which pods it allows."""
    if PODS_PRINCIPAL not in str(item.trust) or facts.cluster is None:
        return None, ""
    return questions.trust_of(item, facts.cluster, questions.ref_of(answers))


def _rank(item: Role, answers: questions.Answers, facts: questions.Facts) -> tuple[int, str, str] | None:
    verdict, scope = _trust(item, answers, facts)
    return None if verdict is None else (_RANKS.index(verdict), item.name, scope)


def _last_question(lead: Sequence[str]) -> questions.Prompt:
    """Return the last question, after the plan in words."""
    options = (
        questions.Option(DO, "Yes"),
        questions.Option(SHOW, "No: show the plan only"),
        questions.Option(TERRAFORM, "No: print the configuration for Terraform"),
    )
    return questions.Prompt(key="go", text="Make these changes?", lead=lead, options=options)


def _numbered(head: str, lines: Sequence[str]) -> tuple[str, ...]:
    return (head, *(f"  {n}. {line}" for n, line in enumerate(lines, 1)))


def role_of(answers: questions.Answers) -> str:
    """Return the name of the chosen or new role."""
    return role.name_of(answers) if answers["role"] == NEW else answers.get("role-typed", answers["role"]).strip()


def _replaces(answers: questions.Answers, facts: questions.Facts) -> bool:
    account = facts.account(questions.ref_of(answers))
    return account is not None and account.association is not None


def summary(answers: questions.Answers, facts: questions.Facts) -> tuple[str, ...]:
    """Return the plan in words."""
    ref, name = questions.ref_of(answers), role_of(answers)
    lines = []
    if answers.get("create-account") == questions.YES:
        lines.append(f"create service account {ref}")
    if answers["role"] == NEW:
        lines.append(role.role_sentence(answers))
    if answers.get("trust") == questions.YES:
        lines.append(f"add a statement to the trust policy of role {name}: {role.scope_sentence(answers)}")
    replaced = " in place of their current role" if _replaces(answers, facts) else ""
    lines.append(f"give the pods of {ref} role {name}{replaced}")
    lines += role.setting_sentences(answers, facts)
    if answers.get("restart") == questions.YES:
        lines.append(f"restart {questions.pods_note(answers, facts)}")
    region = f" ({facts.region})" if facts.region else ""
    head = f"In cluster {facts.cluster_name or answers.get('cluster', '')}{region} podid will"
    return (*_numbered(head, lines), *facts.role_notes, *((facts.agent,) if facts.agent else ()))


def words(answers: questions.Answers, facts: questions.Facts) -> tuple[str, ...]:
    """Return the words after `podid associate`, without those of the place."""
    name = role_of(answers)
    usual = answers["role"] == NEW and name == role.usual_name(answers, facts)
    flags = {
        "--update-trust": answers.get("trust") == questions.YES or role.changes_target(answers, facts),
        "--replace": _replaces(answers, facts),
        "--create-service-account": answers.get("create-account") == questions.YES,
        "--restart": answers.get("restart") == questions.YES,
    }
    return (
        str(questions.ref_of(answers)),
        *(("--create-role",) if answers["role"] == NEW else ()),
        *(() if usual else ("--role", name)),
        *role.role_words(answers),
        *role.setting_words(answers),
        *(flag for flag, chosen in flags.items() if chosen),
    )


def create_role(answers: questions.Answers, facts: questions.Facts) -> Iterator[questions.Prompt]:
    yield from questions.which_account(answers, facts)
    yield from role.new_role(answers, facts)
    yield from role.settings(answers, facts, of_role=True)
    yield _last_question(
        _numbered("podid will", (role.role_sentence(answers), *role.setting_sentences(answers, facts)))
    )


def create_role_words(answers: questions.Answers, facts: questions.Facts) -> tuple[str, ...]:
    """Return the words after `podid role create`, without those of the place."""
    named = () if role.name_of(answers) == role.usual_name(answers, facts) else (role.name_of(answers),)
    update = ("--update-trust",) if role.changes_target(answers, facts) else ()
    target = role.setting_words(answers)
    return (*named, "--for", str(questions.ref_of(answers)), *role.role_words(answers), *target, *update)


def disassociate(answers: questions.Answers, facts: questions.Facts) -> Iterator[questions.Prompt]:
    """Offer the associations that no add-on owns. Raise NotFound if the cluster has none."""
    yield from questions.which_cluster(answers, facts)
    _require_associations(facts)
    options = [
        _option(account, f"{questions.OWNED}disassociate" if account.owner else "")
        for account in sorted(facts.associated, key=lambda account: (bool(account.owner), account.ref))
    ]
    lead = () if "cluster" in answers else questions.WELCOME
    yield questions.Prompt(
        key="which", text="Which association should be deleted?", lead=lead, options=questions.aligned(options)
    )
    name = role_name(facts.role_of) if facts.role_of else ""
    if name in facts.created_roles:  # podid keeps the others
        options = [
            questions.Option(questions.NO, "Keep it"),
            questions.Option(questions.YES, "Delete it, unless another association uses it"),
        ]
        text = f"podid created role {name}. Delete it as well?"
        yield questions.Prompt(key="delete-role", text=text, options=tuple(options))
    account = facts.account(ServiceAccountRef.parse(answers["which"]))
    if account is not None and account.pods:
        lifetime = lifetime_words(OF_TARGET if facts.chained else LIFETIME)
        yield questions.Prompt(
            key="restart",
            text="Restart these pods?",
            lead=(f"Running pods ({account.words}) keep the role's credentials for up to {lifetime}.",),
            options=(
                questions.Option(questions.NO, "No: they keep the credentials until they expire"),
                questions.Option(questions.YES, "Yes: a rolling restart"),
            ),
        )


def disassociate_words(answers: questions.Answers, facts: questions.Facts) -> tuple[str, ...]:
    flags = {
        "--delete-role": answers.get("delete-role") == questions.YES,
        "--restart": answers.get("restart") == questions.YES,
    }
    return (answers["which"], *(flag for flag, chosen in flags.items() if chosen))


def identity(answers: questions.Answers, facts: questions.Facts) -> Iterator[questions.Prompt]:
    """Ask for a service account with an association, those with pods first. Raise NotFound if the cluster has none."""
    yield from questions.which_cluster(answers, facts)
    _require_associations(facts)
    accounts = sorted(facts.associated, key=lambda account: (not account.pods, account.ref))
    yield questions.Prompt(
        key="identity", text="Which service account?", options=questions.aligned(tuple(map(_option, accounts)))
    )


def identity_words(answers: questions.Answers, facts: questions.Facts) -> tuple[str, ...]:
    return (answers["identity"],)


def _require_associations(facts: questions.Facts) -> None:
    if not facts.associated:
        raise NotFound(f"Cluster {facts.cluster_name} has no association", subject=facts.cluster_name)


def _option(account: questions.Account, off: str = "") -> questions.Option:
    name = str(account.ref)
    return questions.Option(name, name, f"{account.words}; {account.state}" if account.state else account.words, off)
