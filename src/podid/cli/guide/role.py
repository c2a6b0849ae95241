"""Questions about a new role: permissions, trust policy, name, and optional settings."""

from collections.abc import Iterator
from itertools import count, takewhile

from podid.cli.guide import questions
from podid.domain.names import Arn, check_role_name, parse_role_arn, role_name
from podid.domain.trust import ScopeKind
from podid.facts.restarts import LIFETIME, OF_TARGET, lifetime_words
from podid.ops.role.create import derived_name
from podid.ops.role.presets import Choice, Parameter, Preset, get_preset, list_presets, parse_choice

PRESET, MANAGED, FILE = "preset", "managed", "file"
_PERMISSIONS = questions.Prompt(
    key="permissions",
    text="Which permissions should the pods get?",
    options=(
        questions.Option(PRESET, "A preset: read a bucket, send to a queue, …"),
        questions.Option(MANAGED, "A managed policy of AWS or of the account"),
        questions.Option(FILE, "A policy in a JSON file"),
        questions.Option(questions.NOTHING, "Nothing yet: add permissions later"),
    ),
)
_MANAGED = questions.Prompt(
    key="managed",
    text="The managed policy's name or ARN:",
    lead=("A name is a policy of AWS, such as AmazonS3ReadOnlyAccess; specify your own policy by its ARN.",),
    check=lambda text: "" if text.strip() and len(text.split()) == 1 else "type one name or ARN",
)
_FILE = questions.Prompt(key="file", text="The file with the policy, as JSON:", check=questions.no_file)


def new_role(answers: questions.Answers, facts: questions.Facts) -> Iterator[questions.Prompt]:
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
    options = (
        questions.Option(name, name, "derived from cluster and service account"),
        questions.Option(questions.OTHER, "Another name: type it"),
    )
    yield from questions.listed_or_typed(
        answers,
        questions.Prompt(key="name", text="Name of the role?", options=options),
        questions.Prompt(key="name-typed", text="The role's name:", check=questions.refused(check_role_name)),
    )


def _about_presets(answers: questions.Answers) -> Iterator[questions.Prompt]:
    """Yield questions about one preset after the other. The preset for this service account comes first."""
    another = (questions.Option(questions.NO, "No"), questions.Option(questions.YES, "Yes: choose another preset"))
    for number in count():
        key, taken = _key(number, "preset"), {preset.name for preset in _presets(answers)[:number]}
        presets = [preset for preset in list_presets() if preset.name not in taken]
        presets.sort(key=lambda preset: preset.service_account != str(questions.ref_of(answers)))
        options = [questions.Option(preset.name, preset.name, preset.title) for preset in presets]
        yield questions.Prompt(key=key, text="Which preset?", options=questions.aligned(options))
        yield from _about_parameters(answers, number, get_preset(answers[key]))
        key = _key(number, "another")
        yield questions.Prompt(key=key, text="Add another preset?", options=another)
        if answers[key] != questions.YES:
            return


def _about_parameters(answers: questions.Answers, number: int, preset: Preset) -> Iterator[questions.Prompt]:
    """Yield the required parameters, then a choice of the optional ones."""

    def typed(parameter: Parameter) -> questions.Prompt:
        def read(text: str) -> Choice:
            return parse_choice(f"{preset.name},{parameter.name}={text}", complete=False)

        key = _key(number, f"parameter.{parameter.name}")
        return questions.Prompt(key=key, text=f"The {parameter.help}:", check=questions.refused(read))

    optional = {parameter.name: parameter for parameter in preset.parameters if parameter.optional}
    yield from (typed(parameter) for parameter in preset.parameters if not parameter.optional)
    yield from questions.one_by_one(
        answers,
        _key(number, "more"),
        "Set an optional parameter?",
        [questions.Option(name, f"The {parameter.help}") for name, parameter in optional.items()],
        lambda name: iter((typed(optional[name]),)),
        none=lambda first: questions.Option(questions.NOTHING, "No"),
    )


def _key(number: int, name: str) -> str:
    """Return the key of an answer about a preset; those about the first preset have no number."""
    return f"{number}.{name}" if number else name


def _presets(answers: questions.Answers) -> list[Preset]:
    numbers = takewhile(lambda number: _key(number, "preset") in answers, count())
    return [get_preset(answers[_key(number, "preset")]) for number in numbers]


def scope(answers: questions.Answers, facts: questions.Facts) -> questions.Prompt:
    ref, cluster = questions.ref_of(answers), facts.cluster_name
    return questions.Prompt(
        key="scope",
        text="Which pods can assume the role?",
        options=(
            questions.Option(ScopeKind.SERVICE_ACCOUNT, f"Only pods of {ref} in cluster {cluster}", "recommended"),
            questions.Option(ScopeKind.NAMESPACE, f"Every pod of namespace {ref.namespace} in cluster {cluster}"),
            questions.Option(ScopeKind.CLUSTER, f"Every pod of cluster {cluster}"),
            questions.Option(ScopeKind.ACCOUNT, "Every pod of every cluster of this account"),
        ),
    )


def usual_name(answers: questions.Answers, facts: questions.Facts) -> str:
    assert facts.cluster is not None
    return derived_name(facts.cluster, (questions.ref_of(answers),), ScopeKind(answers["scope"]))


def name_of(answers: questions.Answers) -> str:
    return answers.get("name-typed", answers.get("name", "")).strip()


def role_words(answers: questions.Answers) -> tuple[str, ...]:
    """Return the options that `associate --create-role` and `role create` share."""
    kind = answers.get("scope", ScopeKind.SERVICE_ACCOUNT)
    scope_words = () if kind == ScopeKind.SERVICE_ACCOUNT else ("--scope", str(kind))
    return (*_permission_words(answers), *scope_words)


def _permission_words(answers: questions.Answers) -> tuple[str, ...]:
    match answers.get("permissions"):
        case "preset":
            presets = range(len(_presets(answers)))
            return tuple(word for number in presets for word in ("--preset", _choice(answers, number)))
        case "managed":
            return ("--managed-policy", answers["managed"].strip())
        case "file":
            return ("--policy-file", str(questions.file_of(answers["file"])))
    return ()


def _values(answers: questions.Answers, number: int) -> dict[str, str]:
    """Return the parameters of one of the presets, as typed."""
    keys = {item.name: _key(number, f"parameter.{item.name}") for item in _presets(answers)[number].parameters}
    return {name: answers[key].strip() for name, key in keys.items() if key in answers}


def _choice(answers: questions.Answers, number: int) -> str:
    values = _values(answers, number)
    return ",".join((_presets(answers)[number].name, *(f"{name}={value}" for name, value in values.items())))


def _preset_sentence(answers: questions.Answers, number: int) -> str:
    words = _presets(answers)[number].words
    for name, value in _values(answers, number).items():
        words = words.replace(name.upper(), value)
    return words


def role_sentence(answers: questions.Answers) -> str:
    """Return the new role in words, without a full stop."""
    match answers.get("permissions"):
        case "preset":
            presets = range(len(_presets(answers)))
            may = f"with permission to {', and '.join(_preset_sentence(answers, number) for number in presets)}"
        case "managed":
            may = f"with the managed policy {answers['managed'].strip()}"
        case "file":
            may = f"with the policy in {answers['file'].strip()}"
        case _:
            may = "without permissions"
    return f"create role {name_of(answers)}, {may}; {scope_sentence(answers)}"


def scope_sentence(answers: questions.Answers) -> str:
    ref = questions.ref_of(answers)
    return {
        ScopeKind.SERVICE_ACCOUNT: f"only pods of {ref} can assume it",
        ScopeKind.NAMESPACE: f"every pod of namespace {ref.namespace} can assume it",
        ScopeKind.CLUSTER: "every pod of the cluster can assume it",
        ScopeKind.ACCOUNT: "every pod of every cluster of this account can assume it",
    }[ScopeKind(answers["scope"])]


_TARGET = questions.Option("target", "A target role that the first role assumes, also in another account")
_POLICY = questions.Option("policy", "A session policy that limits the permissions")
_TARGET_ARN = questions.Prompt(
    key="target",
    text="The target role's ARN:",
    lead=(f"Its sessions last at most {lifetime_words(OF_TARGET)}, not {lifetime_words(LIFETIME)}: role chaining.",),
    check=questions.refused(parse_role_arn),
)
_POLICY_FILE = questions.Prompt(
    key="session-policy",
    text="The file with the session policy, as JSON:",
    lead=(
        "EKS accepts a session policy only without session tags. A trust policy that requires tags then allows no pod.",
    ),
    check=questions.no_file,
)


def settings(
    answers: questions.Answers, facts: questions.Facts, *, of_role: bool = False
) -> Iterator[questions.Prompt]:
    """Yield questions about the settings of an association, or only those of a role."""

    def more(setting: str) -> Iterator[questions.Prompt]:
        if setting == _POLICY.value:
            yield _POLICY_FILE
            return
        yield _TARGET_ARN
        # one answer applies to the trust policies of both roles
        if _within_reach(answers, facts) and "trust" not in answers:
            yield questions.Prompt(
                key="target-trust",
                text="May podid change the trust policy if required?",
                lead=(f"The trust policy of role {role_name(target_of(answers))} must allow the first role.",),
                options=(
                    questions.ADD_STATEMENT,
                    questions.Option(questions.NO, "No: podid prints the statement to add"),
                ),
            )

    def none(first: bool) -> questions.Option:
        return questions.Option(questions.NOTHING, "No") if first else questions.Option(questions.NOTHING, "No more")

    options = (_TARGET,) if of_role else (_TARGET, _POLICY)
    return questions.one_by_one(answers, "settings", "Further settings?", options, more, none=none)


def _within_reach(answers: questions.Answers, facts: questions.Facts) -> bool:
    """Return whether the target role is in the account of the credentials."""
    target, cluster = Arn.parse(target_of(answers)), Arn.parse(facts.cluster.arn) if facts.cluster else None
    return target is not None and cluster is not None and target.account == cluster.account


def target_of(answers: questions.Answers) -> str:
    return answers.get("target", "").strip()


def changes_target(answers: questions.Answers, facts: questions.Facts) -> bool:
    consented = questions.YES in (answers.get("trust"), answers.get("target-trust"))
    return consented and _within_reach(answers, facts)


def setting_words(answers: questions.Answers) -> tuple[str, ...]:
    target = ("--target-role", target_of(answers)) if "target" in answers else ()
    if "session-policy" not in answers:
        return target
    return (*target, "--session-policy", str(questions.file_of(answers["session-policy"])), "--no-session-tags")


def setting_sentences(answers: questions.Answers, facts: questions.Facts) -> tuple[str, ...]:
    lines: tuple[str, ...] = ()
    if "target" in answers:
        lines += (f"let them assume target role {target_of(answers)}",)
        if changes_target(answers, facts):
            lines += (f"add a statement to the trust policy of role {role_name(target_of(answers))}, if required",)
    if "session-policy" in answers:
        lines += (
            f"limit the permissions by the session policy in {answers['session-policy'].strip()}, without session tags",
        )
    return lines
