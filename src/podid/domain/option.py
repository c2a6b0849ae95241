"""Options and arguments of commands as data, declared once as fields of a group or as parameters of a command.

    @options
    class Permissions:
        presets: tuple[str, ...] = repeatable("NAME", "Permissions of a well-known workload.", name="--preset")

`podid.cli.command` derives a command's parameters from them; completion, hints and documentation read the rest.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal, TypeVar, dataclass_transform

from podid.domain.errors import InvalidInput

T = TypeVar("T")
# the default of a required argument
REQUIRED: Any = dataclasses.MISSING
# the values of the settings file by key, each with its source
Stored = Mapping[str, tuple[str, str]]
NOT_STORED: Stored = MappingProxyType({})
# of a resource, in IAM and EKS
MOST_TAGS = 50
# `Key=team,Value=shop` would be a tag named Key
_TAG_OF_AWS_CLI = re.compile(r"Key=.*,\s*Value=")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionField:
    """An option or argument.

    `field` is the name in the program, and with hyphens the name of the option, unless `name` is set. `also` are
    further names, `short` is a hyphen and a letter, `off` the negative form of a switch. `env` are variables that set
    it, in order of precedence; with them, the settings file sets it too (`key`). `values` are the valid values;
    `suggests` are suggestions of the completion, and `source` names those that `podid.cli.suggestions` reads.
    `where` marks options that select the place, `consent` those that answer a question. `read` converts the text,
    and raises InvalidInput. In help, `heading` precedes the option; `brief` names the command whose help explains
    it. `verbatim` texts are passed to another program: they may be blank."""

    kind: Literal["switch", "text", "texts", "number"]
    help: str
    default: Any
    metavar: str = ""
    argument: bool = False
    field: str = ""
    name: str = ""
    also: tuple[str, ...] = ()
    short: str = ""
    off: str = ""
    env: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    suggests: tuple[str, ...] = ()
    source: str = ""
    where: bool = False
    consent: bool = False
    bounds: tuple[int, int] | None = None
    heading: str = ""
    brief: str = ""
    verbatim: bool = False
    read: Callable[[Any], Any] | None = None

    @property
    def long(self) -> str:
        return self.name or f"--{self.field.strip('_').replace('_', '-')}"

    @property
    def key(self) -> str:
        """Return the key in the settings file."""
        return self.long.removeprefix("--")

    def default_from(self, env: Mapping[str, str], stored: Stored) -> tuple[str, str] | None:
        """Return the value of an environment variable, else that of the settings file, and its source; None without
        one."""
        for variable in self.env:
            if env.get(variable):
                return env[variable], variable
        return stored.get(self.key) if self.env else None

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def spellings(self) -> tuple[str, ...]:
        """Return the spellings of the option, the long form first; none for an argument."""
        if self.argument:
            return ()
        return tuple(name for name in (self.long, *self.also, self.short, self.off) if name)

    def at(self, field: str, type_: object) -> "OptionField":
        """Return the option for a field of a group, or a parameter. By its type, the default is "", None, () or {}."""
        default = "" if self.default is None and type_ in (str, "str") else self.default
        return replace(self, field=field, default={} if default == () and "Mapping[" in str(type_) else default)

    def value(self, typed: Any) -> Any:
        """Return the converted value. Raise InvalidInput."""
        for text in typed if self.kind == "texts" else (typed,):
            if self.values:
                one_of(self.long, text, self.values)
        if self.read is not None:
            return self.read(typed)
        return tuple(typed) if self.kind == "texts" else typed


def switch(help: str, *, default: bool | None = False, **more: Any) -> Any:
    return OptionField(kind="switch", help=help, default=default, **more)


def option(metavar: str, help: str, *, default: Any = None, **more: Any) -> Any:
    return OptionField(kind="text", metavar=metavar, help=help, default=default, **more)


def repeatable(metavar: str, help: str, *, default: Any = (), **more: Any) -> Any:
    """Return an option that can be repeated, which its help says."""
    return OptionField(kind="texts", metavar=metavar, help=f"{help} Repeatable.", default=default, **more)


def number(metavar: str, help: str, *, default: int, **more: Any) -> Any:
    return OptionField(kind="number", metavar=metavar, help=help, default=default, **more)


def argument(metavar: str, help: str, *, kind: Any = "text", default: Any = REQUIRED, **more: Any) -> Any:
    """Return an argument. It is optional if it has a default, or brackets in help."""
    if default is REQUIRED and metavar.startswith("["):
        default = () if kind == "texts" else None
    return OptionField(kind=kind, argument=True, metavar=metavar, help=help, default=default, **more)


def arguments(metavar: str, help: str, **more: Any) -> Any:
    return argument(metavar, help, kind="texts", **more)


def included(group: type[T]) -> Any:
    """Return a field that is a group of options itself."""
    return field(default_factory=group, metadata={"group": group})


def _init(self: Any, **values: Any) -> None:
    for item in fields(self):
        if item.name in values:
            value = values.pop(item.name)
        elif item.default_factory is not dataclasses.MISSING:
            value = item.default_factory()
        elif item.default is not REQUIRED:
            value = item.default
        else:
            raise TypeError(f"{type(self).__name__} needs {item.name}")
        object.__setattr__(self, item.name, value)
    if values:
        raise TypeError(f"{type(self).__name__} has no {', '.join(values)}")


def _values(self: Any) -> list[object]:
    return [getattr(self, item.name) for item in fields(self)]


def _eq(self: object, other: object) -> bool:
    return type(self) is type(other) and _values(self) == _values(other)


def _repr(self: Any) -> str:
    return f"{type(self).__name__}({', '.join(f'{item.name}={getattr(self, item.name)!r}' for item in fields(self))})"


def _frozen(self: object, name: str, *_: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot change {name}")


# shared by all classes: a dataclass compiles its own, at a millisecond of start-up for each class
_METHODS = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": None,
    "__setattr__": _frozen,
    "__delattr__": _frozen,
}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def options(cls: type[T]) -> type[T]:
    """Make the class a frozen dataclass whose fields are options, in their order."""
    for name, value in list(vars(cls).items()):
        if isinstance(value, OptionField):
            declared = value.at(name, cls.__annotations__[name])
            empty: Any = {"default_factory": dict} if declared.default == {} else {"default": declared.default}
            setattr(cls, name, field(**empty, metadata={"option": declared}))
    for name, method in _METHODS.items():
        setattr(cls, name, method)
    return dataclass(init=False, eq=False, repr=False)(cls)


def options_in(group: type) -> tuple[OptionField, ...]:
    """Return the options of a group, with those of included groups at their place. `HEADINGS` of the group are headings
    in help, by the field that they precede; `BRIEF` are fields that the help of another command explains."""
    declared: list[OptionField] = []
    headings = getattr(group, "HEADINGS", {})
    for item in fields(group):
        members: tuple[OptionField, ...] = ()
        if "group" in item.metadata:
            members = options_in(item.metadata["group"])
        elif "option" in item.metadata:
            members = (item.metadata["option"],)
        if brief := getattr(group, "BRIEF", {}).get(item.name):
            members = tuple(replace(member, brief=brief) for member in members)
        if item.name in headings:
            members = (replace(members[0], heading=headings[item.name]), *members[1:])
        declared += members
    return tuple(declared)


def filled(group: type[T], typed: Mapping[str, Any]) -> T:
    """Return the group with the values for its options, by the names of the fields. None and empty keep the default.
    Raise InvalidInput."""
    present: dict[str, Any] = {}
    for item in fields(group):  # type: ignore[arg-type]  # every group is a dataclass
        if "group" in item.metadata:
            present[item.name] = filled(item.metadata["group"], typed)
        elif "option" in item.metadata and typed[item.name] not in (None, []):
            present[item.name] = item.metadata["option"].value(typed[item.name])
    return group(**present)


def given_options(group: object) -> tuple[str, ...]:
    """Return the long names of the options that differ from their default."""
    names: list[str] = []
    for item in fields(group):  # type: ignore[arg-type]
        value = getattr(group, item.name)
        if "group" in item.metadata:
            names += given_options(value)
        elif "option" in item.metadata and value != item.metadata["option"].default:
            names.append(item.metadata["option"].long)
    return tuple(names)


def one_of(name: str, text: str, values: tuple[str, ...]) -> str:
    """Return the text. Raise InvalidInput if it is not one of the values."""
    if text not in values:
        raise InvalidInput(f"{name} {text!r} is not one of {', '.join(values)}", subject=text)
    return text


def refuse_blank(name: str, text: str) -> None:
    """Raise InvalidInput for the value of an option, an argument or a variable that is empty or white space."""
    if not text.strip():
        raise InvalidInput(f"{name} is empty: specify a value, or omit it")


def tags(texts: Iterable[str], name: str = "--tag") -> dict[str, str]:
    """Return KEY=VALUE pairs. AWS accepts keys of up to 128 and values of up to 256 characters, and reserves aws:."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key or _TAG_OF_AWS_CLI.match(text):
            raise InvalidInput(f"{name} {text!r} is not KEY=VALUE", subject=text)
        check_tag(key, value, name)
        if key in pairs:
            raise InvalidInput(f"{name} {key} is specified twice", subject=key)
        pairs[key] = value
    if len(pairs) > MOST_TAGS:
        raise InvalidInput(f"{name} is specified {len(pairs)} times: AWS accepts at most {MOST_TAGS} tags")
    return pairs


def check_tag(key: str, value: str, name: str = "tag") -> None:
    """Raise InvalidInput for a tag that AWS does not accept; `name` is the option."""
    if not 0 < len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
        text = f"{key}={value}"
        raise InvalidInput(f"{name} {text!r}: keys have at most 128 characters, values 256, and no aws: prefix")


def seconds(text: str, option: str = "--timeout") -> float:
    """Return the seconds of `90`, `90s`, `5m`, `1h30m` or `2d`. Raise InvalidInput for other text, and for zero."""
    match = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
    units = (86400, 3600, 60, 1)
    total = sum(float(part or 0) * unit for part, unit in zip(match.groups(), units, strict=True)) if match else 0
    if total <= 0:
        raise InvalidInput(f"{option} {text!r} is not a duration: specify 90s, 5m, 1h30m or 2d", subject=text)
    return total
