"""`podid role create` and `podid disassociate` alone."""

from __future__ import annotations

from podid.cli.guide import place, role, settings
from podid.cli.guide.associate import shall
from podid.cli.guide.facts import Facts
from podid.cli.guide.place import WELCOME, ref_of
from podid.cli.guide.questions import NO, YES, Answers, Option, Prompt, Step, aligned
from podid.domain.errors import NotFound
from podid.domain.names import ServiceAccountRef, role_name
from podid.facts.restarts import LIFETIME, OF_TARGET, lifetime_words

# --- role create ------------------------------------------------------------------------------------------------------


def _ask_go(answers: Answers, facts: Facts) -> Prompt | None:
    if "go" in answers:
        return None
    made = f"make role {role.name_of(answers)}, {role.permission_sentence(answers)}; {role.scope_sentence(answers)}"
    lines = (made, *settings.setting_sentences(answers, facts))
    return shall(("podid would", *(f"  {n}. {line}" for n, line in enumerate(lines, 1))))


ROLE_STEPS: tuple[Step[Facts], ...] = (
    place.ask_cluster,
    place.ask_namespace,
    place.ask_account,
    *role.STEPS,
    settings.ask_target,
    _ask_go,
)


def role_create_words(answers: Answers, facts: Facts) -> tuple[str, ...]:
    """What follows `podid role create`, but for where it is."""
    named = () if role.name_of(answers) == role.usual_name(answers, facts) else (role.name_of(answers),)
    update = ("--update-trust",) if settings.changes_target(answers, facts) else ()
    target = settings.setting_words(answers)
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
            account.words,
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
    return Prompt(
        key="restart",
        text="Restart them, so that they start without it?",
        lead=(f"Pods that run ({account.words}) keep the role's credentials for up to {_lifetime(facts)}.",),
        options=(
            Option(NO, "No: they keep what they have until it runs out"),
            Option(YES, "Yes: restart them one after another"),
        ),
    )


def _lifetime(facts: Facts) -> str:
    return lifetime_words(OF_TARGET if facts.goes_on else LIFETIME)


DISASSOCIATE_STEPS: tuple[Step[Facts], ...] = (place.ask_cluster, _ask_which, _ask_role, _ask_restart)


def disassociate_words(answers: Answers, facts: Facts) -> tuple[str, ...]:
    flags = {"--delete-role": answers.get("delete-role") == YES, "--restart": answers.get("restart") == YES}
    return (answers["which"], *(flag for flag, wanted in flags.items() if wanted))
