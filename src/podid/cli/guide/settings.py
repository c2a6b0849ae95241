"""What most associations do without: a target role, a session policy. One question leads to both."""

from __future__ import annotations

from podid.cli.guide.facts import Facts
from podid.cli.guide.questions import (
    ADD_STATEMENT,
    NO,
    NOTHING,
    YES,
    Answers,
    Option,
    Prompt,
    chosen,
    file_of,
    no_file,
    refused,
)
from podid.domain.names import Arn, parse_role_arn, role_name
from podid.facts.restarts import LIFETIME, OF_TARGET, lifetime_words

TARGET, POLICY = "target", "policy"
_MORE = "settings"
_OPTIONS = (
    Option(TARGET, "A target role: they go on to it, also in another account"),
    Option(POLICY, "A session policy: it narrows what they may do"),
)


def ask_settings(answers: Answers, facts: Facts) -> Prompt | None:
    """For an association."""
    return _ask(answers, facts, _OPTIONS)


def ask_target(answers: Answers, facts: Facts) -> Prompt | None:
    """For a role: a session policy is the association's."""
    return _ask(answers, facts, _OPTIONS[:1])


def _ask(answers: Answers, facts: Facts, options: tuple[Option, ...]) -> Prompt | None:
    taken = chosen(answers, _MORE)
    if TARGET in taken and (question := _ask_arn(answers) or _ask_admission(answers, facts)) is not None:
        return question
    if POLICY in taken and (question := _ask_file(answers)) is not None:
        return question
    left = [option for option in options if option.value not in taken]
    if not left or NOTHING in taken:
        return None
    none = Option(NOTHING, "None" if not taken else "No more", "usual" if not taken else "")
    return Prompt(key=f"{_MORE}.{len(taken)}", text="More settings?", options=(none, *left))


def _ask_arn(answers: Answers) -> Prompt | None:
    if "target" in answers:
        return None
    lead = (f"Its sessions last {lifetime_words(OF_TARGET)} at most; {lifetime_words(LIFETIME)} without one.",)
    return Prompt(key="target", text="The target role's ARN:", lead=lead, check=refused(parse_role_arn))


def _ask_admission(answers: Answers, facts: Facts) -> Prompt | None:
    """Of a target role that these credentials reach; one answer is for the trust policies of both roles."""
    if not _within_reach(answers, facts) or "trust" in answers or "target-trust" in answers:
        return None
    return Prompt(
        key="target-trust",
        text="May podid change that, if it has to?",
        lead=(f"The trust policy of role {role_name(target_of(answers))} has to let the first role in.",),
        options=(
            ADD_STATEMENT,
            Option(NO, "No: I change it myself; podid says what is to be added"),
        ),
    )


def _within_reach(answers: Answers, facts: Facts) -> bool:
    target, cluster = Arn.parse(target_of(answers)), Arn.parse(facts.cluster.arn) if facts.cluster else None
    return target is not None and cluster is not None and target.account == cluster.account


def _ask_file(answers: Answers) -> Prompt | None:
    if "session-policy" in answers:
        return None
    return Prompt(
        key="session-policy",
        text="The file with the session policy, as JSON:",
        lead=("EKS takes one only where sessions carry no tags: a trust that asks for tags admits none.",),
        check=no_file,
    )


def target_of(answers: Answers) -> str:
    return answers.get("target", "").strip()


def changes_target(answers: Answers, facts: Facts) -> bool:
    """Whether the target role's trust policy may be changed."""
    consented = YES in (answers.get("trust"), answers.get("target-trust"))
    return consented and _within_reach(answers, facts)


def setting_words(answers: Answers) -> tuple[str, ...]:
    """Their options."""
    target = ("--target-role", target_of(answers)) if "target" in answers else ()
    if "session-policy" not in answers:
        return target
    return (*target, "--session-policy", str(file_of(answers["session-policy"])), "--no-session-tags")


def setting_sentences(answers: Answers, facts: Facts) -> tuple[str, ...]:
    """What they come to, in words."""
    lines: tuple[str, ...] = ()
    if "target" in answers:
        lines += (f"let them go on to target role {target_of(answers)}",)
        if changes_target(answers, facts):
            lines += (f"add a statement to the trust policy of role {role_name(target_of(answers))}, if it needs one",)
    if "session-policy" in answers:
        lines += (f"narrow that by the session policy in {answers['session-policy'].strip()}, without session tags",)
    return lines
