"""`podid associate`, `role create` and `disassociate` alone: the questions, and the command line that they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podid.cli.guide import place, role
from podid.cli.guide.place import OWNED, WELCOME, ref_of
from podid.cli.guide.questions import (
    ADD_STATEMENT,
    NO,
    OTHER,
    YES,
    Answers,
    Facts,
    Option,
    Prompt,
    admits,
    aligned,
    listed_or_typed,
)
from podid.domain.aws import Role
from podid.domain.errors import NotFound
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef, role_name
from podid.domain.snapshot import Known, Missing
from podid.domain.trust import TrustVerdict
from podid.facts.restarts import LIFETIME, OF_TARGET, lifetime_words

NEW = "new"
DO, SHOW, TERRAFORM = "do", "show", "terraform"
_RANKS = (TrustVerdict.MATCH, TrustVerdict.UNKNOWN, TrustVerdict.NO_MATCH)
_NOTES = ("admits them already", "not known whether it admits them", "is for pods, and has to admit these first")


def associate(answers: Answers, facts: Facts) -> Iterator[Prompt]:
    yield from place.which_account(answers, facts)
    yield from listed_or_typed(
        answers,
        _which_role(answers, facts),
        Prompt(key="role-typed", text="The role's name or ARN:", check=lambda text: "" if text.strip() else "a name"),
    )
    existing = facts.role(answers["role"])
    if answers["role"] == NEW:
        yield from role.new_role(answers, facts)
    elif existing is not None and _verdict(existing, answers, facts) is TrustVerdict.NO_MATCH:
        lead = (f"The trust policy of role {existing.name} does not admit pods of {ref_of(answers)} yet.",)
        options = (ADD_STATEMENT, Option(NO, "No: I change it myself, and associate then"))
        yield Prompt(key="trust", text="May podid change that?", lead=lead, options=options)
        if answers["trust"] == YES:
            yield role.scope(answers, facts)
    yield from role.settings(answers, facts)
    if pods := place.pods_note(answers, facts):
        yield Prompt(
            key="restart",
            text="Restart them, once the role is there?",
            lead=(f"Pods that run already ({pods}) get the role only when they start again.",),
            options=(
                Option(YES, "Yes: restart them one after another, as kubectl rollout restart does"),
                Option(NO, "No: they get it when they are restarted next"),
            ),
        )
    yield _shall(summary(answers, facts))


def _which_role(answers: Answers, facts: Facts) -> Prompt:
    """A new one, then those that admit the pods, then others that are for pods."""
    ranked: list[tuple[int, str]] = []
    if "role" not in answers and isinstance(facts.roles, Known):  # of thousands each is judged once
        verdicts = {item.name: _verdict(item, answers, facts) for item in facts.roles.value if not item.service_linked}
        ranked = sorted((_RANKS.index(verdict), name) for name, verdict in verdicts.items() if verdict is not None)
    lead = (f"The account's roles cannot be listed: {facts.roles.reason}.",) if isinstance(facts.roles, Missing) else ()
    options = (
        Option(NEW, "A new role that is made for them now"),
        *(Option(name, name, _NOTES[rank]) for rank, name in ranked),
        Option(OTHER, "Another one: I type its name or ARN"),
    )
    return Prompt(key="role", text="Which IAM role should they get?", lead=lead, options=aligned(options))


def _verdict(item: Role, answers: Answers, facts: Facts) -> TrustVerdict | None:
    """Whether it admits the pods; None for one that is not for pods."""
    if PODS_PRINCIPAL not in str(item.trust) or facts.cluster is None:
        return None
    return admits(item, facts.cluster, ref_of(answers))


def _shall(lead: Sequence[str]) -> Prompt:
    """The last question, once it is told what would be done."""
    options = (
        Option(DO, "Yes, do it"),
        Option(SHOW, "Only show the plan, and change nothing"),
        Option(TERRAFORM, "Only print it for Terraform, and change nothing"),
    )
    return Prompt(key="go", text="Shall podid do that?", lead=lead, options=options)


def _numbered(head: str, lines: Sequence[str]) -> tuple[str, ...]:
    return (head, *(f"  {n}. {line}" for n, line in enumerate(lines, 1)))


def role_of(answers: Answers) -> str:
    """The role's name, also of a new one."""
    return role.name_of(answers) if answers["role"] == NEW else answers.get("role-typed", answers["role"]).strip()


def _replaces(answers: Answers, facts: Facts) -> bool:
    account = facts.account(ref_of(answers))
    return account is not None and account.association is not None


def summary(answers: Answers, facts: Facts) -> tuple[str, ...]:
    """What would be done, in words."""
    ref, name = ref_of(answers), role_of(answers)
    lines = []
    if answers.get("create-account") == YES:
        lines.append(f"create service account {ref}")
    if answers["role"] == NEW:
        lines.append(role.role_sentence(answers))
    if answers.get("trust") == YES:
        lines.append(f"add a statement to the trust policy of role {name}: {role.scope_sentence(answers)}")
    replaced = " in place of the one that they have" if _replaces(answers, facts) else ""
    lines.append(f"give the pods of {ref} role {name}{replaced}")
    lines += role.setting_sentences(answers, facts)
    if answers.get("restart") == YES:
        lines.append(f"restart {place.pods_note(answers, facts)}")
    region = f" ({facts.region})" if facts.region else ""
    head = f"In cluster {facts.cluster_name or answers.get('cluster', '')}{region} podid would"
    return (*_numbered(head, lines), *((facts.agent,) if facts.agent else ()))


def words(answers: Answers, facts: Facts) -> tuple[str, ...]:
    """What follows `podid associate`, but for where it is."""
    name = role_of(answers)
    usual = answers["role"] == NEW and name == role.usual_name(answers, facts)
    flags = {
        "--update-trust": answers.get("trust") == YES or role.changes_target(answers, facts),
        "--replace": _replaces(answers, facts),
        "--create-service-account": answers.get("create-account") == YES,
        "--restart": answers.get("restart") == YES,
    }
    return (
        str(ref_of(answers)),
        *(("--create-role",) if answers["role"] == NEW else ()),
        *(() if usual else ("--role", name)),
        *role.role_words(answers),
        *role.setting_words(answers),
        *(flag for flag, given in flags.items() if given),
    )


def ending(answers: Answers) -> tuple[str, ...]:
    """What the last answer adds: nothing where it is done."""
    return {DO: (), SHOW: ("--dry-run",), TERRAFORM: ("--print", "terraform")}[answers["go"]]


def create_role(answers: Answers, facts: Facts) -> Iterator[Prompt]:
    yield from place.which_account(answers, facts)
    yield from role.new_role(answers, facts)
    yield from role.settings(answers, facts, of_role=True)
    yield _shall(_numbered("podid would", (role.role_sentence(answers), *role.setting_sentences(answers, facts))))


def create_role_words(answers: Answers, facts: Facts) -> tuple[str, ...]:
    """What follows `podid role create`, but for where it is."""
    named = () if role.name_of(answers) == role.usual_name(answers, facts) else (role.name_of(answers),)
    update = ("--update-trust",) if role.changes_target(answers, facts) else ()
    target = role.setting_words(answers)
    return (*named, "--for", str(ref_of(answers)), *role.role_words(answers), *target, *update)


# --- disassociate -----------------------------------------------------------------------------------------------------


def disassociate(answers: Answers, facts: Facts) -> Iterator[Prompt]:
    """Offers those that no add-on owns. Raises NotFound where there is none at all."""
    yield from place.which_cluster(answers, facts)
    having = sorted(facts.associated, key=lambda account: (bool(account.owner), account.ref))
    if not having:
        raise NotFound(f"Cluster {facts.cluster_name} has no association", subject=facts.cluster_name)
    options = [
        Option(
            str(account.ref),
            str(account.ref),
            f"{account.words}; {account.state}" if account.state else account.words,
            f"{OWNED}disassociate" if account.owner else "",
        )
        for account in having
    ]
    lead = () if "cluster" in answers else WELCOME
    yield Prompt(key="which", text="Whose role is to be taken away?", lead=lead, options=aligned(options))
    name = role_name(facts.role_of) if facts.role_of else ""
    if name in facts.made:  # others stay
        options = [Option(NO, "Keep it"), Option(YES, "Delete it, unless something else uses it")]
        text = f"Role {name} was made by podid. Delete it too?"
        yield Prompt(key="delete-role", text=text, options=tuple(options))
    account = facts.account(ServiceAccountRef.parse(answers["which"]))
    if account is not None and account.pods:
        lifetime = lifetime_words(OF_TARGET if facts.goes_on else LIFETIME)
        yield Prompt(
            key="restart",
            text="Restart them, so that they start without it?",
            lead=(f"Pods that run ({account.words}) keep the role's credentials for up to {lifetime}.",),
            options=(
                Option(NO, "No: they keep what they have until it runs out"),
                Option(YES, "Yes: restart them one after another"),
            ),
        )


def disassociate_words(answers: Answers, facts: Facts) -> tuple[str, ...]:
    flags = {"--delete-role": answers.get("delete-role") == YES, "--restart": answers.get("restart") == YES}
    return (answers["which"], *(flag for flag, given in flags.items() if given))
