"""Puts the man pages into the wheel: pip and pipx install them as share/man/man1."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface):  # type: ignore[misc]  # hatchling is installed only while a wheel is built
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(Path(self.root) / "tools"))
        import gen_man

        for page in gen_man.write(Path(self.root) / "build" / "man"):
            build_data["shared_data"][str(page)] = f"share/man/man1/{page.name}"
