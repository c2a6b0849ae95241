"""Fixtures that read declarations from files in an empty directory."""

from pathlib import Path

import pytest

from ops.declare.worlds import VARIABLES, Annotated, Read
from podid.domain.declaration import Declaration
from podid.ops.declare.files import read_declarations
from podid.render.declaration import declaration_text
from worlds import Site


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Return a function that writes podid's own file `x.yaml`, and reads it or the specified files."""
    monkeypatch.chdir(tmp_path)

    def reading(text: str = "", *paths: str) -> tuple[Declaration, ...]:
        if text:
            Path("x.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
        names = paths or ("x.yaml",)
        return read_declarations(names, VARIABLES, read_file=content)

    return reading


@pytest.fixture
def read_foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Return a function that writes a file of another program and reads it. podid's own form of it is read as the
    same."""
    monkeypatch.chdir(tmp_path)

    def reading(text: str, name: str = "shop.yaml") -> tuple[Declaration, ...]:
        Path(name).write_text(text, encoding="utf-8")
        declarations = read_declarations(
            (name,), {"x": "replaced"}, read_file=lambda file: Path(file).read_text("utf-8")
        )
        for number, item in enumerate(declarations):
            Path(f"own-{number}.yaml").write_text(declaration_text(item), encoding="utf-8")
            own = read_declarations((f"own-{number}.yaml",), {}, read_file=content)
            assert own == (item,)
        return declarations

    return reading


def content(name: str) -> str:
    return Path(name).read_text(encoding="utf-8")


@pytest.fixture
def annotated(site: Site) -> Annotated:
    site.cluster.post("/api/v1/namespaces/shop/serviceaccounts", {"metadata": {"name": "cart"}})
    return Annotated(site)
