"""Questions about a role that is to be made: what it may do, whom it admits, what it is called. And about what most
associations do without: a target role, a session policy."""

from __future__ import annotations

from collections.abc import Iterator
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
    file_of,
    listed_or_typed,
    no_file,
    one_by_one,
    refused,
)
from podid.domain.names import Arn, check_role_name, parse_role_arn, role_name
from podid.domain.trust import ScopeKind
from podid.facts.restarts import LIFETIME, OF_TARGET, lifetime_words
from podid.ops.role.create import derived_name
from podid.ops.role.presets import Choice, Parameter, Preset, get_preset, list_presets, parse_choice

PRESET, MANAGED, FILE = "preset", "managed", "file"
_PERMISSIONS = Prompt(
    key="permissions",
    text="What should the pods be allowed to do?",
    options=(
        Option(PRESET, "Something common: read a bucket, …"),
        Option(MANAGED, "What a managed policy of AWS says"),
        Option(FILE, "What a policy in a file of mine says"),
        Option(NOTHING, "Nothing yet: I add permissions later"),
    ),
)
_MANAGED = Prompt(
    key="managed",
    text="The managed policy's name or ARN:",
    lead=("For example AmazonS3ReadOnlyAccess; a policy of your own by its ARN.",),
    check=lambda text: "" if text.strip() and len(text.split()) == 1 else "one name or ARN",
)
_FILE = Prompt(key="file", text="The file with the policy, as JSON:", check=no_file)


def new_role(answers: Answers, facts: Facts) -> Iterator[Prompt]:
    yield _PERMISSIONS
    match answers["permissions"]:
        case "preset":
            yield from _about_presets(answers)
        case "managed":
            yield _MANAGED
        case "file":
            yield _FILE
    yield scope(answers, facts)
    name = usual_name(answers, facts)
    options = (Option(name, name, "made of cluster and service account"), Option(OTHER, "Something else: I type it"))
    yield from listed_or_typed(
        answers,
        Prompt(key="name", text="What is the role to be called?", options=options),
        Prompt(key="name-typed", text="The role's name:", check=refused(check_role_name)),
    )


def _about_presets(answers: Answers) -> Iterator[Prompt]:
    """One, what there is to say of it, and whether there is another one; what the service account is usually for comes
    first."""
    another = (Option(NO, "No, that is all"), Option(YES, "Yes: I choose another one"))
    for number in count():
        key, taken = _key(number, "preset"), {preset.name for preset in _presets(answers)[:number]}
        presets = [preset for preset in list_presets() if preset.name not in taken]
        presets.sort(key=lambda preset: preset.service_account != ref_of(answers).name)
        options = [Option(preset.name, preset.name, preset.title) for preset in presets]
        yield Prompt(key=key, text="Which one?", options=aligned(options))
        yield from _about_parameters(answers, number, get_preset(answers[key]))
        key = _key(number, "another")
        yield Prompt(key=key, text="Should they be allowed something else too?", options=another)
        if answers[key] != YES:
            return


def _about_parameters(answers: Answers, number: int, preset: Preset) -> Iterator[Prompt]:
    """What the preset has to be told, then what it may be told."""

    def typed(parameter: Parameter) -> Prompt:
        def read(text: str) -> Choice:
            return parse_choice(f"{preset.name},{parameter.name}={text}", complete=False)

        key = _key(number, f"parameter.{parameter.name}")
        return Prompt(key=key, text=f"The {parameter.help}:", check=refused(read))

    optional = {parameter.name: parameter for parameter in preset.parameters if parameter.optional}
    yield from (typed(parameter) for parameter in preset.parameters if not parameter.optional)
    yield from one_by_one(
        answers,
        _key(number, "more"),
        "Is there more to say of it?",
        [Option(name, f"The {parameter.help}") for name, parameter in optional.items()],
        lambda name: iter((typed(optional[name]),)),
        none=lambda first: Option(NOTHING, "Nothing more"),
    )


def _key(number: int, name: str) -> str:
    """The first one's answers have plain names."""
    return f"{number}.{name}" if number else name


def _presets(answers: Answers) -> list[Preset]:
    numbers = takewhile(lambda number: _key(number, "preset") in answers, count())
    return [get_preset(answers[_key(number, "preset")]) for number in numbers]


def scope(answers: Answers, facts: Facts) -> Prompt:
    ref, cluster = ref_of(answers), facts.cluster_name
    return Prompt(
        key="scope",
        text="Whose pods may assume the role?",
        options=(
            Option(ScopeKind.SERVICE_ACCOUNT, f"Only those of {ref} in cluster {cluster}", "usual, and safest"),
            Option(ScopeKind.NAMESPACE, f"Every pod of namespace {ref.namespace} in cluster {cluster}"),
            Option(ScopeKind.CLUSTER, f"Every pod of cluster {cluster}"),
            Option(ScopeKind.ACCOUNT, "Every pod of every cluster of this account"),
        ),
    )


def usual_name(answers: Answers, facts: Facts) -> str:
    assert facts.cluster is not None
    return derived_name(facts.cluster, (ref_of(answers),), ScopeKind(answers["scope"]))


def name_of(answers: Answers) -> str:
    return answers.get("name-typed", answers.get("name", "")).strip()


# --- the answers as words of a command line, and in a sentence --------------------------------------------------------


def role_words(answers: Answers) -> tuple[str, ...]:
    """The options that both commands which make roles have."""
    return (*_permission_words(answers), *scope_words(answers))


def scope_words(answers: Answers) -> tuple[str, ...]:
    kind = answers.get("scope", ScopeKind.SERVICE_ACCOUNT)
    return () if kind == ScopeKind.SERVICE_ACCOUNT else ("--scope", str(kind))


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
    keys = {item.name: _key(number, f"parameter.{item.name}") for item in _presets(answers)[number].parameters}
    return {name: answers[key].strip() for name, key in keys.items() if key in answers}


def _choice(answers: Answers, number: int) -> str:
    values = _values(answers, number)
    return ",".join((_presets(answers)[number].name, *(f"{name}={value}" for name, value in values.items())))


def _preset_sentence(answers: Answers, number: int) -> str:
    words = _presets(answers)[number].words
    for name, value in _values(answers, number).items():
        words = words.replace(name.upper(), value)
    return words


def role_sentence(answers: Answers) -> str:
    """What is made, in words, without its full stop."""
    match answers.get("permissions"):
        case "preset":
            presets = range(len(_presets(answers)))
            may = f"which may {', and '.join(_preset_sentence(answers, number) for number in presets)}"
        case "managed":
            may = f"with the managed policy {answers['managed'].strip()}"
        case "file":
            may = f"with the policy in {answers['file'].strip()}"
        case _:
            may = "which may do nothing yet"
    return f"make role {name_of(answers)}, {may}; {scope_sentence(answers)}"


def scope_sentence(answers: Answers) -> str:
    ref = ref_of(answers)
    return {
        ScopeKind.SERVICE_ACCOUNT: f"only pods of {ref} can assume it",
        ScopeKind.NAMESPACE: f"every pod of namespace {ref.namespace} can assume it",
        ScopeKind.CLUSTER: "every pod of the cluster can assume it",
        ScopeKind.ACCOUNT: "every pod of every cluster of this account can assume it",
    }[ScopeKind(answers["scope"])]


# --- settings that most do without ------------------------------------------------------------------------------------

_TARGET = Option("target", "A target role: they go on to it, also in another account")
_POLICY = Option("policy", "A session policy: it narrows what they may do")
_TARGET_ARN = Prompt(
    key="target",
    text="The target role's ARN:",
    lead=(f"Its sessions last {lifetime_words(OF_TARGET)} at most; {lifetime_words(LIFETIME)} without one.",),
    check=refused(parse_role_arn),
)
_POLICY_FILE = Prompt(
    key="session-policy",
    text="The file with the session policy, as JSON:",
    lead=("EKS takes one only where sessions carry no tags: a trust that asks for tags admits none.",),
    check=no_file,
)


def settings(answers: Answers, facts: Facts, *, of_role: bool = False) -> Iterator[Prompt]:
    """For an association, or for a role: a session policy is the association's."""

    def more(setting: str) -> Iterator[Prompt]:
        if setting == _POLICY.value:
            yield _POLICY_FILE
            return
        yield _TARGET_ARN
        # one answer is for the trust policies of both roles
        if _within_reach(answers, facts) and "trust" not in answers:
            yield Prompt(
                key="target-trust",
                text="May podid change that, if it has to?",
                lead=(f"The trust policy of role {role_name(target_of(answers))} has to let the first role in.",),
                options=(ADD_STATEMENT, Option(NO, "No: I change it myself; podid says what is to be added")),
            )

    def none(first: bool) -> Option:
        return Option(NOTHING, "None", "usual") if first else Option(NOTHING, "No more")

    options = (_TARGET,) if of_role else (_TARGET, _POLICY)
    return one_by_one(answers, "settings", "More settings?", options, more, none=none)


def _within_reach(answers: Answers, facts: Facts) -> bool:
    """Whether these credentials reach the target role."""
    target, cluster = Arn.parse(target_of(answers)), Arn.parse(facts.cluster.arn) if facts.cluster else None
    return target is not None and cluster is not None and target.account == cluster.account


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
