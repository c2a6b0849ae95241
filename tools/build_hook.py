"""Puts generated files into the wheel: the man pages, which pip and pipx install as share/man/man1, and the schemas."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GeneratedFiles(BuildHookInterface):  # type: ignore[misc]  # hatchling is installed only while a wheel is built
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(Path(self.root) / "tools"))
        import gen_man
        import packaged

        for page in gen_man.write(Path(self.root) / "build" / "man"):
            build_data["shared_data"][str(page)] = f"share/man/man1/{page.name}"
        for path, folder in packaged.schemas():
            build_data["force_include"][str(path)] = f"{folder}/{path.name}"
