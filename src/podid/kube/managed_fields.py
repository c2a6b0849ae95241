"""Who has set which fields of an object, by its managedFields. Pure.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

import json
from collections.abc import Iterator, Mapping

from podid.domain.foreign import Object, inner_or_empty, inners_or_none, text_or

# no object of the API is deeper; what answers may be another
_DEEPEST = 30
# what every controller and every writer leaves behind
_NOBODYS = ("metadata.annotations.kubectl.kubernetes.io/last-applied-configuration", "metadata.annotations.deprecated")


def set_by(metadata: Object) -> Mapping[str, tuple[str, ...]]:
    """Manager -> the paths of the fields that it has set, as in `spec.template.spec.containers[name=agent].image`;
    the status aside."""
    found: dict[str, dict[str, None]] = {}
    for entry in inners_or_none(metadata, "managedFields"):
        if not text_or(entry, "subresource"):
            paths = (
                path for path in _leaves(inner_or_empty(entry, "fieldsV1"), "", 0) if not path.startswith(_NOBODYS)
            )
            found.setdefault(text_or(entry, "manager"), {}).update(dict.fromkeys(paths))
    return {manager: tuple(paths) for manager, paths in found.items() if paths}


def _leaves(fields: Mapping[str, object], path: str, depth: int) -> Iterator[str]:
    below = {key: value for key, value in fields.items() if key != "." and isinstance(value, dict)}
    if path and (not below or depth > _DEEPEST):
        yield path
        return
    for key, value in below.items():
        yield from _leaves(value, _step(path, key), depth + 1)


def _step(path: str, key: str) -> str:
    kind, _, name = key.partition(":")
    if kind == "f":
        return f"{path}.{name}" if path else name
    return f"{path}[{_element(name) if kind == 'k' else name}]"


def _element(key: str) -> str:
    """`{"name":"agent"}` as `name=agent`."""
    try:
        keys = json.loads(key)
    except ValueError:
        return key
    return ",".join(f"{name}={value}" for name, value in keys.items()) if isinstance(keys, dict) else key
