"""Questions about a role that is to be made: what it may do, whom it admits, what it is called. And about what most
associations do without: a target role, a session policy."""

from __future__ import annotations

from itertools import count, takewhile

from podid.cli.guide.place import ref_of
from podid.cli.guide.questions import (
    ADD_STATEMENT,
    NO,
    NOTHING,
    OTHER,
    YES,
    Answers,
    Facts,
    Option,
    Prompt,
    aligned,
    chosen,
    file_of,
    no_file,
    refused,
)
from podid.domain.names import Arn, check_role_name, parse_role_arn, role_name
from podid.domain.trust import ScopeKind
from podid.facts.restarts import LIFETIME, OF_TARGET, lifetime_words
from podid.ops.role.create import derived_name
from podid.ops.role.presets import Choice, Parameter, Preset, get_preset, list_presets, parse_choice

PRESET, MANAGED, FILE = "preset", "managed", "file"


def ask_permissions(answers: Answers, facts: Facts) -> Prompt | None:
    if "permissions" in answers:
        return None
    return Prompt(
        key="permissions",
        text="What should the pods be allowed to do?",
        options=(
            Option(PRESET, "Something common: read a bucket, …"),
            Option(MANAGED, "What a managed policy of AWS says"),
            Option(FILE, "What a policy in a file of mine says"),
            Option(NOTHING, "Nothing yet: I add permissions later"),
        ),
    )


def ask_presets(answers: Answers, facts: Facts) -> Prompt | None:
    """One, what there is to say of it, and whether there is another one."""
    if answers.get("permissions") != PRESET:
        return None
    for number in range(len(_presets(answers)) + 1):
        asked = _ask_preset(answers, number) or _ask_parameter(answers, number)
        if asked is not None:
            return asked
        if (another := answers.get(_key(number, "another"))) != YES:
            return _ask_another(answers, number) if another is None else None
    return None


def _key(number: int, name: str) -> str:
    """The first one's answers have plain names."""
    return f"{number}.{name}" if number else name


def _presets(answers: Answers) -> list[Preset]:
    numbers = takewhile(lambda number: _key(number, "preset") in answers, count())
    return [get_preset(answers[_key(number, "preset")]) for number in numbers]


def _ask_preset(answers: Answers, number: int) -> Prompt | None:
    """What the service account is usually for comes first."""
    key = _key(number, "preset")
    if key in answers:
        return None
    name, taken = ref_of(answers).name, {preset.name for preset in _presets(answers)}
    left = [preset for preset in list_presets() if preset.name not in taken]
    left.sort(key=lambda preset: preset.service_account != name)
    options = [Option(preset.name, preset.name, preset.title) for preset in left]
    return Prompt(key=key, text="Which one?", options=aligned(options))


def _ask_parameter(answers: Answers, number: int) -> Prompt | None:
    """What the preset has to be told, then what it may be told."""
    preset, more = _presets(answers)[number], chosen(answers, _key(number, "more"))
    for parameter in preset.parameters:
        key = _key(number, f"parameter.{parameter.name}")
        if (not parameter.optional or parameter.name in more) and key not in answers:
            return _typed_parameter(key, preset, parameter)
    left = [p for p in preset.parameters if p.optional and p.name not in more]
    if not left or NOTHING in more:
        return None
    options = [Option(NOTHING, "Nothing more"), *(Option(p.name, f"The {p.help}") for p in left)]
    return Prompt(key=_key(number, f"more.{len(more)}"), text="Is there more to say of it?", options=tuple(options))


def _ask_another(answers: Answers, number: int) -> Prompt:
    return Prompt(
        key=_key(number, "another"),
        text="Should they be allowed something else too?",
        options=(Option(NO, "No, that is all"), Option(YES, "Yes: I choose another one")),
    )


def _typed_parameter(key: str, preset: Preset, parameter: Parameter) -> Prompt:
    def read(text: str) -> Choice:
        return parse_choice(f"{preset.name},{parameter.name}={text}", complete=False)

    return Prompt(key=key, text=f"The {parameter.help}:", check=refused(read))


def ask_managed(answers: Answers, facts: Facts) -> Prompt | None:
    if answers.get("permissions") != MANAGED or "managed" in answers:
        return None
    return Prompt(
        key="managed",
        text="The managed policy's name or ARN:",
        lead=("For example AmazonS3ReadOnlyAccess; a policy of your own by its ARN.",),
        check=lambda text: "" if text.strip() and len(text.split()) == 1 else "one name or ARN",
    )


def ask_file(answers: Answers, facts: Facts) -> Prompt | None:
    if answers.get("permissions") != FILE or "file" in answers:
        return None
    return Prompt(
        key="file",
        text="The file with the policy, as JSON:",
        check=no_file,
    )


def ask_scope(answers: Answers, facts: Facts) -> Prompt | None:
    if "scope" in answers:
        return None
    ref, cluster = ref_of(answers), _cluster_name(facts)
    every = f"Every pod of namespace {ref.namespace} in cluster {cluster}"
    return Prompt(
        key="scope",
        text="Whose pods may assume the role?",
        options=(
            Option(ScopeKind.SERVICE_ACCOUNT, f"Only those of {ref} in cluster {cluster}", "usual, and safest"),
            Option(ScopeKind.NAMESPACE, every),
            Option(ScopeKind.CLUSTER, f"Every pod of cluster {cluster}"),
            Option(ScopeKind.ACCOUNT, "Every pod of every cluster of this account"),
        ),
    )


def ask_name(answers: Answers, facts: Facts) -> Prompt | None:
    if answers.get("name") == OTHER:
        if "name-typed" in answers:
            return None
        return Prompt(key="name-typed", text="The role's name:", check=refused(check_role_name))
    if "name" in answers:
        return None
    name = usual_name(answers, facts)
    return Prompt(
        key="name",
        text="What is the role to be called?",
        options=(Option(name, name, "made of cluster and service account"), Option(OTHER, "Something else: I type it")),
    )


def usual_name(answers: Answers, facts: Facts) -> str:
    assert facts.cluster is not None
    return derived_name(facts.cluster, (ref_of(answers),), ScopeKind(answers["scope"]))


def name_of(answers: Answers) -> str:
    return answers.get("name-typed", answers.get("name", "")).strip()


def _cluster_name(facts: Facts) -> str:
    return facts.cluster.name if facts.cluster is not None else ""


STEPS = (ask_permissions, ask_presets, ask_managed, ask_file, ask_scope, ask_name)


# --- the answers as words of a command line, and in a sentence --------------------------------------------------------


def role_words(answers: Answers) -> tuple[str, ...]:
    """The options that both commands which make roles have."""
    return (*_permission_words(answers), *scope_words(answers))


def scope_words(answers: Answers) -> tuple[str, ...]:
    scope = answers.get("scope", ScopeKind.SERVICE_ACCOUNT)
    return () if scope == ScopeKind.SERVICE_ACCOUNT else ("--scope", str(scope))


def _permission_words(answers: Answers) -> tuple[str, ...]:
    match answers.get("permissions"):
        case "preset":
            presets = range(len(_presets(answers)))
            return tuple(word for number in presets for word in ("--preset", _choice(answers, number)))
        case "managed":
            return ("--managed-policy", answers["managed"].strip())
        case "file":
            return ("--policy-file", str(file_of(answers["file"])))
    return ()


def _values(answers: Answers, number: int) -> dict[str, str]:
    """The parameters of one of the presets, as they were typed."""
    names = [parameter.name for parameter in _presets(answers)[number].parameters]
    found = {name: answers.get(_key(number, f"parameter.{name}")) for name in names}
    return {name: value.strip() for name, value in found.items() if value is not None}


def _choice(answers: Answers, number: int) -> str:
    values = _values(answers, number)
    return ",".join((_presets(answers)[number].name, *(f"{name}={value}" for name, value in values.items())))


def _preset_sentence(answers: Answers, number: int) -> str:
    words = _presets(answers)[number].words
    for name, value in _values(answers, number).items():
        words = words.replace(name.upper(), value)
    return words


def permission_sentence(answers: Answers) -> str:
    """What the role may do, in words, without its full stop."""
    match answers.get("permissions"):
        case "preset":
            presets = range(len(_presets(answers)))
            return f"which may {', and '.join(_preset_sentence(answers, number) for number in presets)}"
        case "managed":
            return f"with the managed policy {answers['managed'].strip()}"
        case "file":
            return f"with the policy in {answers['file'].strip()}"
    return "which may do nothing yet"


def scope_sentence(answers: Answers) -> str:
    ref = ref_of(answers)
    return {
        ScopeKind.SERVICE_ACCOUNT: f"only pods of {ref} can assume it",
        ScopeKind.NAMESPACE: f"every pod of namespace {ref.namespace} can assume it",
        ScopeKind.CLUSTER: "every pod of the cluster can assume it",
        ScopeKind.ACCOUNT: "every pod of every cluster of this account can assume it",
    }[ScopeKind(answers["scope"])]


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
