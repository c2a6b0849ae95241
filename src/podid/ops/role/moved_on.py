"""Inline policies that were made of a preset and are no longer what it gives: by the preset of a newer podid, or by
hand. Which values a preset was given nobody wrote down: they are told from the policy's resources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from podid.domain.text import short_list
from podid.ops.role.presets import FORMS, PLACE, Choice, Preset, fill, get_preset, preset_names

# what its place gives a preset, between the colons of ARNs and beyond
_AROUND = ("partition", "region", "account", "cluster", "clusterArn")


@dataclass(frozen=True, slots=True)
class MovedOn:
    """`more` are actions and resources that the preset has and the policy has not, `fewer` those that only the policy
    has. `choice` is the preset with the values that the policy was made with, empty where that cannot be told;
    `cluster` is the one that it names."""

    policy: str
    preset: str
    more: tuple[str, ...]
    fewer: tuple[str, ...]
    choice: str = ""
    cluster: str = ""

    @property
    def sentence(self) -> str:
        sides = (("also", self.more), ("no longer", self.fewer))
        parts = [f"{word} {short_list(actions, 4)}" for word, actions in sides if actions]
        return f"its policy {self.policy} is not what preset {self.preset} gives now: that has {' and '.join(parts)}"

    def command(self, role: str) -> tuple[str, ...]:
        """What gives the role the preset as it is now; what shows the preset, where its values are not known."""
        if not self.choice:
            return ("podid", "preset", "show", self.preset)
        where = ("--cluster", self.cluster) if self.cluster else ()
        return ("podid", "role", "attach", role, "--preset", self.choice, "--replace", *where)


def names_preset(policy: str) -> bool:
    """Whether an inline policy is called as a preset's would be."""
    return _preset_of(policy) is not None


def moved_on(name: str, document: Mapping[str, object]) -> MovedOn | None:
    """Told by the policy's name and the Sids of its statements. A resource differs only where no values at all make one
    of the other."""
    preset, listed = _preset_of(name), document.get("Statement")
    if preset is None or not isinstance(listed, list):
        return None
    statements = [item for item in listed if isinstance(item, Mapping)]
    has = {str(item.get("Sid")): _members(item, "Action") for item in statements}
    gives = {str(item["Sid"]): _members(item, "Action") for item in preset.statements}
    # not one of its statements: another policy, which happens to be called so
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


def _preset_of(policy: str) -> Preset | None:
    names = (name for name in preset_names() if policy == name or policy.startswith(f"{name}-"))
    preset = next(map(get_preset, names), None)
    return preset if preset is not None and preset.statements else None


def _resources(
    preset: Preset, listed: Iterable[Mapping[str, object]], values: Mapping[str, tuple[str, ...]]
) -> tuple[set[str], set[str]]:
    """Of statements that are the preset's: its resources that they have not, with the values of the policy's own, and
    theirs that have none of its forms."""
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
    """What stands in the places of the preset's statements, by parameter."""
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
    """The texts with places in them, each with every text that stands where it does."""
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
    """The preset with its values, as `--preset` takes it, where these are sure: they make a policy of this name."""
    around = {key: values[key][0] for key in _AROUND if key in values}
    needed = [parameter.name for parameter in preset.parameters if not parameter.optional]
    own = [parameter.name for parameter in preset.parameters]
    for elsewhere in ((), ("region",), ("account",), ("region", "account")):
        given = {key: values[key] for key in (*own, *elsewhere) if key in values}
        if all(key in given for key in needed) and fill(Choice(preset, given), around).name == policy:
            return ",".join((preset.name, *(f"{key}={value}" for key, items in given.items() for value in items)))
    return ""


def _form_of(form: str, value_of: Callable[[str], str], *, named: bool = False) -> re.Pattern[str]:
    """What a preset's text can be with values filled in; `named` gives each place a group of its name."""
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
    """No wildcards. Between the colons of an ARN a value has none, so that no text is tried in more ways than it is
    long."""
    return "[^*?:]+" if name in ("partition", "region", "account") else "[^*?]+"


def _members(statement: Mapping[str, object], key: str) -> frozenset[str]:
    value = statement.get(key)
    return frozenset(map(str, value)) if isinstance(value, list) else frozenset({str(value)})
