"""Read presets: permissions for well-known workloads, narrowed by parameters."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from podid.domain.aws import Cluster
from podid.domain.errors import Again, InvalidInput, NotFound, Other
from podid.domain.members import HIDDEN, schema_name
from podid.domain.text import did_you_mean, meant, nearest
from podid.ops.role.policies import policy_name

_FILES = Path(__file__).parent.parent.parent / "presets"
PLACE = re.compile(r"\{\{(\w+)\}\}")
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
    def places(self) -> frozenset[str]:
        """Return the placeholders of its policy."""
        return frozenset(PLACE.findall(json.dumps(self.statements)))

    @property
    def of_cluster(self) -> bool:
        """Return whether its policy names the cluster."""
        return not self.places.isdisjoint(("cluster", "clusterArn"))

    @property
    def settable(self) -> tuple[Parameter, ...]:
        """Return its parameters, and those with defaults from the cluster."""
        return (*self.parameters, *(parameter for parameter in _COMMON if parameter.name in self.places))

    @property
    def words(self) -> str:
        """Return the permissions in words, with parameters in capitals."""
        return PLACE.sub(lambda place: place[1].upper(), self.allows)


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
            raise InvalidInput(f"Preset {name}: {mistake}", advice=_takes(preset), subject=text)
        values[key] = (*values.get(key, ()), _value(preset, known[key], value))
    missing = [parameter.name for parameter in preset.parameters if not parameter.optional]
    missing = [key for key in missing if key not in values]
    if missing and complete:
        raise InvalidInput(f"Preset {name} requires {', '.join(missing)}", advice=_takes(preset), subject=text)
    return Choice(preset, {key: tuple(dict.fromkeys(texts)) for key, texts in values.items()})


def _takes(preset: Preset) -> str:
    keys = [f"{p.name} ({p.help}{', optional' if p.optional else ''})" for p in preset.settable]
    return f"Its parameters: {', '.join(keys)}." if keys else "It has no parameters."


def _value(preset: Preset, parameter: Parameter, value: str) -> str:
    pattern, words = FORMS[parameter.form]
    if not re.fullmatch(pattern, value, re.ASCII):
        message = f"Preset {preset.name}: {value!r} is not {words} (parameter {parameter.name})"
        raise InvalidInput(message, advice=_takes(preset), subject=value)
    match parameter.form:
        case "ssm-path":
            return value.strip("/")
        case "hosted-zone":
            return value.removeprefix("/hostedzone/")
    return value


def surroundings(partition: str, account: str, region: str, cluster: Cluster | None) -> dict[str, str]:
    """Return the values that the role's account and cluster provide."""
    values = {"partition": partition, "region": region, "account": account}
    return values if cluster is None else {**values, "cluster": cluster.name, "clusterArn": cluster.arn}


def fill(choice: Choice, around: Mapping[str, str]) -> PresetPermissions:
    """Return the permissions with all values filled in; other placeholders remain."""
    preset = choice.preset
    values = {**{key: (value,) for key, value in around.items()}, **choice.values}
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
    words = PLACE.sub(lambda place: " and ".join(values.get(place[1], (place[1].upper(),))), preset.allows + extra)
    document = {"Version": "2012-10-17", "Statement": statements} if statements else None
    own = [value for p in preset.settable for value in choice.values.get(p.name, ())]
    name = policy_name("-".join((preset.name, *own)).replace("/", "-"))
    missing = frozenset(PLACE.findall(json.dumps(statements)))
    return PresetPermissions(name, words, document, preset.managed_policies, missing)


def _filled(member: object, values: Mapping[str, tuple[str, ...]]) -> object:
    """Fill in values. A text becomes a list of all its forms if a parameter has several values."""
    if isinstance(member, Mapping):
        return {"".join(_forms(str(key), values)[:1]): _filled(value, values) for key, value in member.items()}
    if isinstance(member, list):
        return [text for item in member for text in _forms(item, values)]
    if not isinstance(member, str):
        return member
    forms = _forms(member, values)
    return forms if len(forms) > 1 else forms[0]


def _forms(text: str, values: Mapping[str, tuple[str, ...]]) -> list[str]:
    names = list(dict.fromkeys(name for name in PLACE.findall(text) if name in values))
    forms = [text]
    for name in names:
        forms = [form.replace(f"{{{{{name}}}}}", value) for form in forms for value in values[name]]
    return forms


def preset_notes(granted: Iterable[PresetPermissions]) -> tuple[str, ...]:
    return tuple(f"preset {one.name}: the role may {one.words}" for one in granted)


def merged(
    policies: Mapping[str, Mapping[str, object]], chosen: Iterable[PresetPermissions]
) -> dict[str, Mapping[str, object]]:
    """Return the inline policies with those of presets. Raise InvalidInput for equal names."""
    documents = dict(policies)
    for permissions in chosen:
        if permissions.document is None:
            continue
        if permissions.name in documents:
            raise InvalidInput(f"Two policies would both become the inline policy {permissions.name}")
        documents[permissions.name] = permissions.document
    return documents
