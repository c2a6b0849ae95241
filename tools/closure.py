"""The distributions that an installed podid consists of: itself and its dependencies, without extras."""

from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def resolved(name: str = "podid") -> list[Distribution]:
    """Return the distribution and all that it requires in this environment, sorted by name. Raise PackageNotFoundError
    if one is not installed."""
    closure: dict[str, Distribution] = {}
    pending = [Requirement(name)]
    while pending:
        requirement = pending.pop()
        key = canonicalize_name(requirement.name)
        item = distribution(key)
        extras = ("", *requirement.extras)
        if key not in closure or requirement.extras:
            closure[key] = item
            for line in item.requires or ():
                needed = Requirement(line)
                if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                    pending.append(needed)
    return [closure[key] for key in sorted(closure)]


def licence_files(item: Distribution) -> list[Path]:
    """Return the licence texts of an installed distribution."""
    names = ("licen", "copying", "notice")
    listed = (path for path in item.files or () if ".dist-info" in path.parts[0])
    paths = (Path(str(path.locate())) for path in listed if path.name.lower().startswith(names))
    return sorted(path for path in paths if path.is_file())
