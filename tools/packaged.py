"""Lists the generated files of docs/ that a wheel and the binary contain, too."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))  # the hook of the build runs without an installed podid

from podid.cli.server.tools import EVERY  # noqa: E402
from podid.domain.declaration import DECLARATION_KIND  # noqa: E402


def schemas() -> list[tuple[Path, str]]:
    """Return the JSON Schemas of `podid schema` and of the tools of the MCP server, each with its folder."""
    kinds = sorted({DECLARATION_KIND, *(tool.kind for tool in EVERY)})
    return [(ROOT / "docs" / "reference" / "json" / f"{kind}.json", "podid/schemas") for kind in kinds]
