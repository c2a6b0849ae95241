"""`podid associate`, `role create` and `disassociate` alone: the questions, and the command line that they make."""

from __future__ import annotations

from collections.abc import Sequence

from podid.cli.guide import place, role
from podid.cli.guide.place import WELCOME, ref_of
from podid.cli.guide.questions import (
    ADD_STATEMENT,
    NO,
    OTHER,
    YES,
    Answers,
    Facts,
    Option,
    Prompt,
    Step,
    admits,
    aligned,
)
from podid.domain.aws import Role
from podid.domain.errors import NotFound
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef, role_name
from podid.domain.snapshot import Known, Missing
from podid.domain.trust import TrustVerdict
from podid.facts.restarts import LIFETIME, OF_TARGET, lifetime_words

NEW = "new"
DO, SHOW, TERRAFORM = "do", "show", "terraform"


def ask_role(answers: Answers, facts: Facts) -> Prompt | None:
    """A new one, then those that admit the pods, then others that are for pods."""
    text = "Which IAM role should they get?"
    if answers.get("role") == OTHER:
        if "role-typed" in answers:
            return None
        return Prompt(key="role-typed", text="The role's name or ARN:", check=lambda t: "" if t.strip() else "a name")
    if "role" in answers:
        return None
    options = [Option(NEW, "A new role that is made for them now"), *_existing(answers, facts)]
    options.append(Option(OTHER, "Another one: I type its name or ARN"))
    unread = isinstance(facts.roles, Missing)
    lead = (f"The account's roles cannot be listed: {facts.roles.reason}.",) if isinstance(facts.roles, Missing) else ()
    return Prompt(key="role", text=text, lead=lead if unread else (), options=aligned(options))


def _existing(answers: Answers, facts: Facts) -> list[Option]:
    if not isinstance(facts.roles, Known) or facts.cluster is None:
        return []
    ranked = [(_rank(item, answers, facts), item) for item in facts.roles.value if not item.service_linked]
    wanted = sorted((rank, item.name) for (rank, item) in ranked if rank < len(_NOTES))
    return [Option(name, name, _NOTES[rank]) for rank, name in wanted]


_NOTES = ("admits them already", "not known whether it admits them", "is for pods, and has to admit these first")


def _rank(item: Role, answers: Answers, facts: Facts) -> int:
    """0 for one that admits the pods; past the end of the notes for one that is not for pods."""
    if PODS_PRINCIPAL not in str(item.trust):
        return len(_NOTES)
    assert facts.cluster is not None
    verdict = admits(item, facts.cluster, ref_of(answers))
    return (TrustVerdict.MATCH, TrustVerdict.UNKNOWN, TrustVerdict.NO_MATCH).index(verdict)


def ask_trust(answers: Answers, facts: Facts) -> Prompt | None:
    """For a role that is known not to admit the pods."""
    found = facts.role(answers.get("role", ""))
    if found is None or "trust" in answers or _rank(found, answers, facts) != 2:
        return None
    ref = ref_of(answers)
    return Prompt(
        key="trust",
        text="May podid change that?",
        lead=(f"The trust policy of role {found.name} does not admit pods of {ref} yet.",),
        options=(
            ADD_STATEMENT,
            Option(NO, "No: I change it myself, and associate then"),
        ),
    )


def ask_scope(answers: Answers, facts: Facts) -> Prompt | None:
    return role.ask_scope(answers, facts) if answers.get("trust") == YES else None


def _of_new(step: Step) -> Step:
    return lambda answers, facts: step(answers, facts) if answers.get("role") == NEW else None


def ask_restart(answers: Answers, facts: Facts) -> Prompt | None:
    pods = place.pods_note(answers, facts)
    if not pods or "restart" in answers:
        return None
    return Prompt(
        key="restart",
        text="Restart them, once the role is there?",
        lead=(f"Pods that run already ({pods}) get the role only when they start again.",),
        options=(
            Option(YES, "Yes: restart them one after another, as kubectl rollout restart does"),
            Option(NO, "No: they get it when they are restarted next"),
        ),
    )


def ask_go(answers: Answers, facts: Facts) -> Prompt | None:
    if "go" in answers:
        return None
    return shall(summary(answers, facts))


def shall(lead: Sequence[str]) -> Prompt:
    """The last question, once it is told what would be done."""
    options = (
        Option(DO, "Yes, do it"),
        Option(SHOW, "Only show the plan, and change nothing"),
        Option(TERRAFORM, "Only print it for Terraform, and change nothing"),
    )
    return Prompt(key="go", text="Shall podid do that?", lead=lead, options=options)


STEPS: tuple[Step, ...] = (
    place.ask_cluster,
    place.ask_namespace,
    place.ask_account,
    place.ask_create_account,
    ask_role,
    ask_trust,
    ask_scope,
    *(_of_new(step) for step in role.STEPS),
    role.ask_settings,
    ask_restart,
    ask_go,
)


def role_of(answers: Answers) -> str:
    return answers.get("role-typed", answers.get("role", "")).strip()


def summary(answers: Answers, facts: Facts) -> tuple[str, ...]:
    """What would be done, in words."""
    ref, account = ref_of(answers), facts.account(ref_of(answers))
    lines = []
    if answers.get("create-account") == YES:
        lines.append(f"create service account {ref}")
    name = role.name_of(answers) if answers.get("role") == NEW else role_of(answers)
    if answers.get("role") == NEW:
        lines.append(f"make role {name}, {role.permission_sentence(answers)}; {role.scope_sentence(answers)}")
    if answers.get("trust") == YES:
        lines.append(f"add a statement to the trust policy of role {name}: {role.scope_sentence(answers)}")
    if account is not None and account.association is not None:
        lines.append(f"give the pods of {ref} role {name} in place of the one that they have")
    else:
        lines.append(f"give the pods of {ref} role {name}")
    lines += role.setting_sentences(answers, facts)
    if answers.get("restart") == YES:
        lines.append(f"restart {place.pods_note(answers, facts)}")
    cluster = facts.cluster.name if facts.cluster is not None else answers.get("cluster", "")
    region = f" ({facts.region})" if facts.region else ""
    return (
        f"In cluster {cluster}{region} podid would",
        *(f"  {n}. {line}" for n, line in enumerate(lines, 1)),
        *((facts.agent,) if facts.agent else ()),
    )


def words(answers: Answers, facts: Facts) -> tuple[str, ...]:
    """What follows `podid associate`, but for where it is."""
    ref = ref_of(answers)
    account = facts.account(ref)
    found: tuple[str, ...] = (str(ref),)
    if answers.get("role") == NEW:
        named = () if role.name_of(answers) == role.usual_name(answers, facts) else ("--role", role.name_of(answers))
        found += ("--create-role", *named, *role.role_words(answers))
    else:
        found += ("--role", role_of(answers))
    if answers.get("trust") == YES:
        found += role.scope_words(answers)
    found += role.setting_words(answers)
    flags = {
        "--update-trust": answers.get("trust") == YES or role.changes_target(answers, facts),
        "--replace": account is not None and account.association is not None,
        "--create-service-account": answers.get("create-account") == YES,
        "--restart": answers.get("restart") == YES,
    }
    return (*found, *(flag for flag, wanted in flags.items() if wanted))


def ending(answers: Answers) -> tuple[str, ...]:
    """What the last answer adds: nothing where it is done."""
    return {DO: (), SHOW: ("--dry-run",), TERRAFORM: ("--print", "terraform")}[answers["go"]]


# --- role create ------------------------------------------------------------------------------------------------------


def _ask_go(answers: Answers, facts: Facts) -> Prompt | None:
    if "go" in answers:
        return None
    made = f"make role {role.name_of(answers)}, {role.permission_sentence(answers)}; {role.scope_sentence(answers)}"
    lines = (made, *role.setting_sentences(answers, facts))
    return shall(("podid would", *(f"  {n}. {line}" for n, line in enumerate(lines, 1))))


ROLE_STEPS: tuple[Step, ...] = (
    place.ask_cluster,
    place.ask_namespace,
    place.ask_account,
    *role.STEPS,
    role.ask_target,
    _ask_go,
)


def role_create_words(answers: Answers, facts: Facts) -> tuple[str, ...]:
    """What follows `podid role create`, but for where it is."""
    named = () if role.name_of(answers) == role.usual_name(answers, facts) else (role.name_of(answers),)
    update = ("--update-trust",) if role.changes_target(answers, facts) else ()
    target = role.setting_words(answers)
    return (*named, "--for", str(ref_of(answers)), *role.role_words(answers), *target, *update)


# --- disassociate -----------------------------------------------------------------------------------------------------


def _ask_which(answers: Answers, facts: Facts) -> Prompt | None:
    """Those that no add-on owns. Raises NotFound where there is none at all."""
    if "which" in answers:
        return None
    having = sorted(facts.associated, key=lambda account: (bool(account.owner), account.ref))
    if not having:
        cluster = facts.cluster.name if facts.cluster is not None else ""
        raise NotFound(f"Cluster {cluster} has no association", subject=cluster)
    options = [
        Option(
            str(account.ref),
            str(account.ref),
            f"{account.words}; {account.state}" if account.state else account.words,
            "belongs to an add-on: podid addon disassociate" if account.owner else "",
        )
        for account in having
    ]
    text = "Whose role is to be taken away?"
    return Prompt(key="which", text=text, lead=() if answers else WELCOME, options=aligned(options))


def which_of(answers: Answers) -> ServiceAccountRef | None:
    return ServiceAccountRef.parse(answers["which"]) if "which" in answers else None


def _ask_role(answers: Answers, facts: Facts) -> Prompt | None:
    """Only of a role that podid made here: others stay."""
    name = role_name(facts.role_of) if facts.role_of else ""
    if "delete-role" in answers or name not in facts.made:
        return None
    return Prompt(
        key="delete-role",
        text=f"Role {name} was made by podid. Delete it too?",
        options=(
            Option(NO, "Keep it"),
            Option(YES, "Delete it, unless something else uses it"),
        ),
    )


def _ask_restart(answers: Answers, facts: Facts) -> Prompt | None:
    ref = which_of(answers)
    account = facts.account(ref) if ref is not None else None
    if "restart" in answers or account is None or not account.pods:
        return None
    lifetime = lifetime_words(OF_TARGET if facts.goes_on else LIFETIME)
    return Prompt(
        key="restart",
        text="Restart them, so that they start without it?",
        lead=(f"Pods that run ({account.words}) keep the role's credentials for up to {lifetime}.",),
        options=(
            Option(NO, "No: they keep what they have until it runs out"),
            Option(YES, "Yes: restart them one after another"),
        ),
    )


DISASSOCIATE_STEPS: tuple[Step, ...] = (place.ask_cluster, _ask_which, _ask_role, _ask_restart)


def disassociate_words(answers: Answers, facts: Facts) -> tuple[str, ...]:
    flags = {"--delete-role": answers.get("delete-role") == YES, "--restart": answers.get("restart") == YES}
    return (answers["which"], *(flag for flag, wanted in flags.items() if wanted))
