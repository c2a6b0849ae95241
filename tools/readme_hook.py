"""Gives the package index a README with absolute links: it shows the file without the repository."""

import sys
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class AbsoluteLinks(MetadataHookInterface):  # type: ignore[misc]  # hatchling is installed only while a wheel is built
    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(Path(self.root) / "tools"))
        from links import absolute

        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, f"v{metadata['version']}")}
