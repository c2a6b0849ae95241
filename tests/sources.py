"""Syntax trees of podid's files and of the tests, parsed once in a process."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "podid"
FILES = sorted(PACKAGE.rglob("*.py"))
Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(parsed(path)))


def definitions(node: ast.AST) -> Iterator[Definition]:
    """Yield the module, its classes and its functions. Expressions are not walked: none contains a definition."""
    if isinstance(node, Definition):
        yield node
    for part in ("body", "orelse", "handlers", "finalbody", "cases"):
        for child in getattr(node, part, ()):
            if not isinstance(child, ast.Expr | ast.Assign | ast.AnnAssign | ast.Return):
                yield from definitions(child)
