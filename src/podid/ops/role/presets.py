"""Read presets: permissions for well-known workloads, narrowed by parameters. Find inline policies that differ from the
preset that created them, after a new version of podid or a change by someone else.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from podid.domain.aws import Cluster
from podid.domain.errors import Again, InvalidInput, NotFound, Other
from podid.domain.members import HIDDEN, schema_name
from podid.domain.text import did_you_mean, meant, nearest, short_list
from podid.ops.role.policies import policy_name

_FILES = Path(__file__).parent.parent.parent / "presets"
PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
# values contain no IAM wildcards or variables: each names one resource
FORMS: dict[str, tuple[str, str]] = {
    "dynamodb-table": (r"[A-Za-z0-9_.-]{3,255}", "a table's name"),
    "s3-bucket": (r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name"),
    "s3-prefix": (r"[A-Za-z0-9/_.=+@!-]{1,900}", "a prefix of keys"),
    "sqs-queue": (r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo", "a queue's name"),
    "sns-topic": (r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo", "a topic's name"),
    "secret": (r"[A-Za-z0-9/_+=.@-]{1,512}", "a secret's name"),
    "ssm-path": (r"/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*/?", "a parameter's name or path"),
    "kms-key": (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}", "a key's ID"),
    "event-bus": (r"[A-Za-z0-9/._-]{1,256}", "an event bus's name"),
    # the ID of an inference profile begins with its geography, and has another ARN
    "bedrock-model": (
        r"(?!(?:us|us-gov|eu|apac|jp|au|global)\.)[a-z0-9][A-Za-z0-9.:-]{1,139}",
        "a foundation model's ID",
    ),
    "hosted-zone": (r"(?:/hostedzone/)?Z[A-Z0-9]{1,31}", "a hosted zone's ID"),
    "log-group": (r"[A-Za-z0-9_/.#-]{1,512}", "a prefix of log groups' names"),
    "role-name": (r"[A-Za-z0-9_+=.@-]{1,64}", "a role's name"),
    "prometheus-workspace": (r"ws-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a workspace's ID"),
    "private-ca": (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a certificate authority's ID"),
    "target-group": (r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?", "a target group's name"),
    "region": (r"[a-z]{2,4}(?:-[a-z]+)+-\d", "a region"),
    "account": (r"\d{12}", "an account's 12 digits"),
}


@schema_name("PresetParameterBody")
@dataclass(frozen=True, slots=True)
class Parameter:
    """`words` are appended to the preset's description if an optional parameter is set."""

    name: str
    help: str
    form: Annotated[str, HIDDEN]
    optional: bool = False
    words: Annotated[str, HIDDEN] = ""


_COMMON = (
    Parameter("region", "region of the named resource", "region", optional=True),
    Parameter("account", "account of the named resource", "account", optional=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """`area` is `application` or `controller`. `service_account` is the default of the workload's installation."""

    name: str
    area: str
    title: str
    allows: str
    parameters: tuple[Parameter, ...]
    service_account: str
    version: str
    checked: str
    sources: tuple[str, ...]
    statements: tuple[Mapping[str, Any], ...]
    managed_policies: tuple[str, ...]

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(PLACEHOLDER.findall(json.dumps(self.statements)))

    @property
    def of_cluster(self) -> bool:
        return not self.placeholders.isdisjoint(("cluster", "clusterArn"))

    @property
    def settable(self) -> tuple[Parameter, ...]:
        """Return its parameters, and those with defaults from the cluster."""
        return (*self.parameters, *(parameter for parameter in _COMMON if parameter.name in self.placeholders))

    @property
    def words(self) -> str:
        """Return the permissions in words, with parameters in capitals."""
        return PLACEHOLDER.sub(lambda match: match[1].upper(), self.allows)


@dataclass(frozen=True, slots=True)
class Choice:
    """A preset with the user's values of its parameters, by name."""

    preset: Preset
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PresetPermissions:
    """`words` continue "may …". `document` is None for a preset that consists of AWS managed policies. `missing` are
    placeholders without a value."""

    name: str
    words: str
    document: Mapping[str, object] | None
    managed_policies: tuple[str, ...]
    missing: frozenset[str] = frozenset()

    @property
    def sentence(self) -> str:
        return f"may {self.words}, nothing else"


def preset_names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _FILES.glob("*.json")))


def list_presets() -> tuple[Preset, ...]:
    """Return all presets, those of applications first."""
    return tuple(sorted(map(get_preset, preset_names()), key=lambda preset: (preset.area, preset.name)))


@lru_cache(maxsize=64)
def get_preset(name: str) -> Preset:
    """Return the preset. Raise NotFound with the nearest names."""
    names = preset_names()
    if name not in names:
        # `s3` is not a typing error but the beginning of several names
        near = [known for known in names if name and name in known][:3] or nearest(name, names)
        hint = Again(swap=(name, near[0])) if len(near) == 1 else Other(("preset", "list"))
        raise NotFound(f"Preset {name} does not exist{meant(near)}", hint=hint, subject=name)
    raw: dict[str, Any] = json.loads((_FILES / f"{name}.json").read_text(encoding="utf-8"))
    return Preset(
        name=name,
        area=raw["area"],
        title=raw["title"],
        allows=raw["allows"],
        parameters=tuple(Parameter(key, **value) for key, value in raw["parameters"].items()),
        service_account=raw.get("serviceAccount", ""),
        version=raw["version"],
        checked=raw["checked"],
        sources=tuple(raw["sources"]),
        statements=tuple(raw.get("statements", ())),
        managed_policies=tuple(raw.get("managedPolicies", ())),
    )


def parse_choice(text: str, *, complete: bool = True) -> Choice:
    """Parse `NAME[,key=value…]`; a key can be repeated. Raise NotFound for the name. Raise InvalidInput for an unknown
    key, a value of another form and, if `complete`, a missing value."""
    name, *pairs = text.split(",")
    preset = get_preset(name)
    known = {parameter.name: parameter for parameter in preset.settable}
    values: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or key not in known:
            mistake = (
                f"{pair!r} is not KEY=VALUE" if not equals else f"unknown parameter {key}{did_you_mean(key, known)}"
            )
            raise InvalidInput(f"Preset {name}: {mistake}", advice=_parameters_words(preset), subject=text)
        values[key] = (*values.get(key, ()), _value(preset, known[key], value))
    missing = [parameter.name for parameter in preset.parameters if not parameter.optional]
    missing = [key for key in missing if key not in values]
    if missing and complete:
        form = ",".join((text, *(f"{key}={key.upper()}" for key in missing)))
        message = f"Preset {name} requires {', '.join(missing)}: {form}"
        raise InvalidInput(message, advice=_parameters_words(preset), subject=text)
    return Choice(preset, {key: tuple(dict.fromkeys(texts)) for key, texts in values.items()})


def _parameters_words(preset: Preset) -> str:
    keys = [f"{p.name} ({p.help}{', optional' if p.optional else ''})" for p in preset.settable]
    return f"Its parameters: {', '.join(keys)}." if keys else "It has no parameters."


def _value(preset: Preset, parameter: Parameter, value: str) -> str:
    pattern, words = FORMS[parameter.form]
    if not re.fullmatch(pattern, value, re.ASCII):
        message = f"Preset {preset.name}: {value!r} is not {words} (parameter {parameter.name})"
        raise InvalidInput(message, advice=_parameters_words(preset), subject=value)
    match parameter.form:
        case "ssm-path":
            return value.strip("/")
        case "hosted-zone":
            return value.removeprefix("/hostedzone/")
    return value


def values_of_place(partition: str, account: str, region: str, cluster: Cluster | None) -> dict[str, str]:
    """Return the values that the role's account and cluster provide."""
    values = {"partition": partition, "region": region, "account": account}
    return values if cluster is None else {**values, "cluster": cluster.name, "clusterArn": cluster.arn}


def fill(choice: Choice, of_place: Mapping[str, str]) -> PresetPermissions:
    """Return the permissions with all values filled in; other placeholders remain."""
    preset = choice.preset
    values = {**{key: (value,) for key, value in of_place.items()}, **choice.values}
    chosen = [
        statement
        for statement in preset.statements
        if statement.get("when", "") in ("", *choice.values) and statement.get("unless", "") not in choice.values
    ]
    statements = [
        {key: _filled(member, values) for key, member in statement.items() if key not in ("when", "unless")}
        for statement in chosen
    ]
    extra = "".join(p.words for p in preset.parameters if p.name in choice.values)
    words = PLACEHOLDER.sub(
        lambda match: " and ".join(values.get(match[1], (match[1].upper(),))), preset.allows + extra
    )
    document = {"Version": "2012-10-17", "Statement": statements} if statements else None
    own = [value for p in preset.settable for value in choice.values.get(p.name, ())]
    name = policy_name("-".join((preset.name, *own)).replace("/", "-"))
    missing = frozenset(PLACEHOLDER.findall(json.dumps(statements)))
    return PresetPermissions(name, words, document, preset.managed_policies, missing)


def _filled(member: object, values: Mapping[str, tuple[str, ...]]) -> object:
    """Fill in values. A text becomes a list, with a text for each value, if a parameter has several values."""
    if isinstance(member, Mapping):
        return {"".join(_texts(str(key), values)[:1]): _filled(value, values) for key, value in member.items()}
    if isinstance(member, list):
        return [text for item in member for text in _texts(item, values)]
    if not isinstance(member, str):
        return member
    texts = _texts(member, values)
    return texts if len(texts) > 1 else texts[0]


def _texts(text: str, values: Mapping[str, tuple[str, ...]]) -> list[str]:
    texts = [text]
    for name in dict.fromkeys(name for name in PLACEHOLDER.findall(text) if name in values):
        texts = [filled.replace(f"{{{{{name}}}}}", value) for filled in texts for value in values[name]]
    return texts


@dataclass(frozen=True, slots=True)
class PresetDifference:
    """`more` are actions and resources that only the preset has, `fewer` those that only the policy has. `choice` is
    the preset with the policy's values, empty if they are not certain. `cluster` is the cluster that the policy
    names."""

    policy: str
    preset: str
    more: tuple[str, ...]
    fewer: tuple[str, ...]
    choice: str = ""
    cluster: str = ""

    @property
    def sentence(self) -> str:
        sides = (("also has", self.more), ("no longer has", self.fewer))
        parts = [f"{word} {short_list(actions, 4)}" for word, actions in sides if actions]
        return f"policy {self.policy} differs from preset {self.preset}, which {' and '.join(parts)}"

    def command(self, role: str) -> tuple[str, ...]:
        """Return the command that applies the current preset, or shows it if its values are not known."""
        if not self.choice:
            return ("podid", "preset", "show", self.preset)
        where = ("--cluster", self.cluster) if self.cluster else ()
        return ("podid", "role", "attach", role, "--preset", self.choice, "--replace", *where)


def preset_difference(name: str, document: Mapping[str, object]) -> PresetDifference | None:
    """Compare by policy name and statement Sids. A resource differs only if no values can make it equal."""
    preset, listed = preset_of(name), document.get("Statement")
    if preset is None or not isinstance(listed, list):
        return None
    statements = [item for item in listed if isinstance(item, Mapping)]
    by_sid = {str(item.get("Sid")): item for item in statements}
    pairs = [(statement, by_sid.get(str(statement["Sid"]))) for statement in preset.statements]
    # no common statement: another policy with the same name
    if not any(own and _members(own, "Action") & _members(statement, "Action") for statement, own in pairs):
        return None
    required = [item for item, own in pairs if own is not None or not {"when", "unless"} & item.keys()]
    expected = {action for statement in required for action in _members(statement, "Action")}
    own = {action for statement in statements for action in _members(statement, "Action")}
    values = _values(preset, pairs)
    lacking, additional = _resources(pairs, values)
    more, fewer = (expected - own) | lacking, (own - expected) | additional
    if not more and not fewer:
        return None
    choice = _choice(preset, name, values)
    cluster = next(iter(values.get("cluster", ())), "") if preset.of_cluster else ""
    return PresetDifference(
        name, preset.name, tuple(sorted(more)), tuple(sorted(fewer)), choice, cluster if choice else ""
    )


def preset_of(policy: str) -> Preset | None:
    """Return the preset whose name an inline policy has."""
    names = (name for name in preset_names() if policy == name or policy.startswith(f"{name}-"))
    preset = next(map(get_preset, names), None)
    return preset if preset is not None and preset.statements else None


# a statement of a preset, and the policy's statement with the same Sid
Compared = tuple[Mapping[str, Any], Mapping[str, object] | None]


def _resources(pairs: Iterable[Compared], values: Mapping[str, tuple[str, ...]]) -> tuple[set[str], set[str]]:
    """Return the preset's resources that its statements lack, with the policy's values, and resources that match none
    of the preset's."""
    more, fewer = set[str](), set[str]()
    for statement, listed in pairs:
        if listed is None or "Resource" not in listed:
            continue
        own = _members(listed, "Resource")
        patterns = {form: _pattern_of(form, _any_value) for form in _members(statement, "Resource")}
        more |= {
            PLACEHOLDER.sub(lambda match: " or ".join(values.get(match[1], (match[1].upper(),))), form)
            for form, pattern in patterns.items()
            if not any(pattern.fullmatch(resource) for resource in own)
        }
        fewer |= {resource for resource in own if not any(pattern.fullmatch(resource) for pattern in patterns.values())}
    return more, fewer


def _values(preset: Preset, pairs: Iterable[Compared]) -> dict[str, tuple[str, ...]]:
    """Return the values of the preset's placeholders, by parameter. They were not recorded: they are derived from the
    policy's resources."""
    forms = {parameter.name: FORMS[parameter.form][0] for parameter in preset.settable}
    values: dict[str, dict[str, None]] = {}
    for statement, listed in pairs:
        for form, text in _pairs(statement, listed):
            pattern = _pattern_of(form, lambda name: forms.get(name, _any_value(name)), named=True)
            match = pattern.fullmatch(text)
            for key, value in match.groupdict().items() if match is not None else ():
                values.setdefault(key, {})[value] = None
    return {key: tuple(items) for key, items in values.items()}


def _pairs(form: object, own: object) -> Iterator[tuple[str, str]]:
    """Yield each text with placeholders and every text in its place."""
    if isinstance(form, list):
        for item in form:
            yield from _pairs(item, own)
    elif isinstance(form, Mapping) and isinstance(own, Mapping):
        for key, member in form.items():
            for member_key in own if PLACEHOLDER.search(key) else [key]:
                yield from _pairs(key, member_key)
                yield from _pairs(member, own.get(member_key))
    elif isinstance(form, str) and PLACEHOLDER.search(form):
        yield from ((form, text) for text in (own if isinstance(own, list) else [own]) if isinstance(text, str))


def _choice(preset: Preset, policy: str, values: Mapping[str, tuple[str, ...]]) -> str:
    """Return the preset with its values as `--preset` takes it, if they derive this policy name."""
    of_place = {
        key: values[key][0] for key in ("partition", "region", "account", "cluster", "clusterArn") if key in values
    }
    needed = [parameter.name for parameter in preset.parameters if not parameter.optional]
    own = [parameter.name for parameter in preset.parameters]
    for further in ((), ("region",), ("account",), ("region", "account")):
        chosen = {key: values[key] for key in (*own, *further) if key in values}
        if all(key in chosen for key in needed) and fill(Choice(preset, chosen), of_place).name == policy:
            return ",".join((preset.name, *(f"{key}={value}" for key, items in chosen.items() for value in items)))
    return ""


def _pattern_of(form: str, value_of: Callable[[str], str], *, named: bool = False) -> re.Pattern[str]:
    """Return the pattern of a preset's text with values filled in. `named` gives each placeholder a group with its
    name."""
    parts, used, pattern = PLACEHOLDER.split(form), set[str](), ""
    for at, part in enumerate(parts):
        if at % 2 == 0:
            pattern += re.escape(part)
        elif named and part in used:
            pattern += f"(?P={part})"
        else:
            pattern += f"(?P<{part}>{value_of(part)})" if named else f"(?:{value_of(part)})"
            used.add(part)
    return re.compile(pattern)


def _any_value(name: str) -> str:
    """Match no wildcards, and no colons in ARN parts, so that matching is linear."""
    return "[^*?:]+" if name in ("partition", "region", "account") else "[^*?]+"


def _members(statement: Mapping[str, object], key: str) -> frozenset[str]:
    value = statement.get(key)
    return frozenset(map(str, value)) if isinstance(value, list) else frozenset({str(value)})
