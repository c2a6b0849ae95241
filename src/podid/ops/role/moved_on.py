"""Find inline policies that differ from the preset that created them, after a new version of podid or a change by
someone else. The preset's values were not recorded: they are derived from the policy's resources."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from podid.domain.text import short_list
from podid.ops.role.presets import FORMS, PLACE, Choice, Preset, fill, get_preset, preset_names

# placeholders that the role's account and cluster fill
_AROUND = ("partition", "region", "account", "cluster", "clusterArn")


@dataclass(frozen=True, slots=True)
class MovedOn:
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


def moved_on(name: str, document: Mapping[str, object]) -> MovedOn | None:
    """Compare by policy name and statement Sids. A resource differs only if no values can make it equal."""
    preset, listed = preset_of(name), document.get("Statement")
    if preset is None or not isinstance(listed, list):
        return None
    statements = [item for item in listed if isinstance(item, Mapping)]
    has = {str(item.get("Sid")): _members(item, "Action") for item in statements}
    gives = {str(item["Sid"]): _members(item, "Action") for item in preset.statements}
    # no common statement: another policy with the same name
    if not any(has[sid] & gives[sid] for sid in has.keys() & gives.keys()):
        return None
    optional = {str(item["Sid"]) for item in preset.statements if "when" in item or "unless" in item}
    expected = {action for sid, actions in gives.items() if sid in has or sid not in optional for action in actions}
    own = {action for actions in has.values() for action in actions}
    values = _values(preset, statements)
    forms, named = _resources(preset, statements, values)
    more, fewer = (expected - own) | forms, (own - expected) | named
    if not more and not fewer:
        return None
    choice = _choice(preset, name, values)
    cluster = next(iter(values.get("cluster", ())), "") if preset.of_cluster else ""
    return MovedOn(name, preset.name, tuple(sorted(more)), tuple(sorted(fewer)), choice, cluster if choice else "")


def preset_of(policy: str) -> Preset | None:
    """Return the preset whose name an inline policy has."""
    names = (name for name in preset_names() if policy == name or policy.startswith(f"{name}-"))
    preset = next(map(get_preset, names), None)
    return preset if preset is not None and preset.statements else None


def _resources(
    preset: Preset, listed: Iterable[Mapping[str, object]], values: Mapping[str, tuple[str, ...]]
) -> tuple[set[str], set[str]]:
    """Return the preset's resources that its statements lack, with the policy's values, and resources that match none
    of the preset's."""
    more, fewer = set[str](), set[str]()
    has = {str(item.get("Sid")): _members(item, "Resource") for item in listed if "Resource" in item}
    for statement in preset.statements:
        own = has.get(str(statement["Sid"]))
        if own is None:
            continue
        forms = {form: _form_of(form, _any_value) for form in _members(statement, "Resource")}
        more |= {
            PLACE.sub(lambda place: " or ".join(values.get(place[1], (place[1].upper(),))), form)
            for form, pattern in forms.items()
            if not any(pattern.fullmatch(resource) for resource in own)
        }
        fewer |= {resource for resource in own if not any(pattern.fullmatch(resource) for pattern in forms.values())}
    return more, fewer


def _values(preset: Preset, listed: Iterable[Mapping[str, object]]) -> dict[str, tuple[str, ...]]:
    """Return the values of the preset's placeholders, by parameter."""
    forms = {parameter.name: FORMS[parameter.form][0] for parameter in preset.settable}
    has = {str(item.get("Sid")): item for item in listed}
    values: dict[str, dict[str, None]] = {}
    for statement in preset.statements:
        for form, text in _pairs(statement, has.get(str(statement["Sid"]), {})):
            pattern = _form_of(form, lambda name: forms.get(name, _any_value(name)), named=True)
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
            for member_key in own if PLACE.search(key) else [key]:
                yield from _pairs(key, member_key)
                yield from _pairs(member, own.get(member_key))
    elif isinstance(form, str) and PLACE.search(form):
        yield from ((form, text) for text in (own if isinstance(own, list) else [own]) if isinstance(text, str))


def _choice(preset: Preset, policy: str, values: Mapping[str, tuple[str, ...]]) -> str:
    """Return the preset with its values as `--preset` takes it, if they derive this policy name."""
    around = {key: values[key][0] for key in _AROUND if key in values}
    needed = [parameter.name for parameter in preset.parameters if not parameter.optional]
    own = [parameter.name for parameter in preset.parameters]
    for elsewhere in ((), ("region",), ("account",), ("region", "account")):
        chosen = {key: values[key] for key in (*own, *elsewhere) if key in values}
        if all(key in chosen for key in needed) and fill(Choice(preset, chosen), around).name == policy:
            return ",".join((preset.name, *(f"{key}={value}" for key, items in chosen.items() for value in items)))
    return ""


def _form_of(form: str, value_of: Callable[[str], str], *, named: bool = False) -> re.Pattern[str]:
    """Return the pattern of a preset's text with values filled in. `named` gives each placeholder a group with its
    name."""
    parts, used, pattern = PLACE.split(form), set[str](), ""
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
