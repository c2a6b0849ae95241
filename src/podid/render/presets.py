"""Presets in words, and as the policies that they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.ops.role.presets import Choice, Parameter, Preset, fill
from podid.render.view import NOTHING, Column, Table, View, document

if TYPE_CHECKING:
    from podid.render.documents import access as documents


def list_view(presets: Sequence[Preset]) -> View:
    titles = (Column("NAME"), Column("FOR"), Column("PARAMETERS", folds=1), Column("MAY", prose=True, folds=2))
    rows = tuple((preset.name, preset.area, _keys(preset), preset.words) for preset in presets)
    body: documents.PresetListDocument = {"kind": "PresetList", "items": [_body(preset) for preset in presets]}
    return View(document(body), (Table(titles, rows),), tuple(preset.name for preset in presets))


def preset_view(choice: Choice) -> View:
    preset, found = choice.preset, fill(choice, {})
    body: documents.PresetDocument = {
        "kind": "Preset",
        **_body(preset),
        "words": found.sentence,
        "policy": found.document,
        "placeholders": sorted(found.missing),
    }
    lines = [f"{preset.name}: {preset.title}", f"  {found.sentence}"]
    lines += [f"  {_line(parameter)}" for parameter in preset.settable]
    if preset.service_account:
        lines.append(f"  service account of its own installation: {preset.service_account}")
    lines += [f"  AWS's policy {name}" for name in preset.managed_policies]
    lines.append(f"  checked {preset.checked}" + (f", for {preset.version}" if preset.version else ""))
    lines += [f"  {source}" for source in preset.sources]
    if found.document is not None:
        lines += ["", *json.dumps(found.document, indent=2).split("\n")]
    titles = (Column("NAME"), Column("FOR"), Column("PARAMETERS"), Column("MAY", prose=True))
    table = Table(titles, ((preset.name, preset.area, _keys(preset), found.words),))
    return View(document(body), (table,), (preset.name,), tuple(lines))


def _keys(preset: Preset) -> str:
    return ",".join(f"[{p.name}]" if p.optional else p.name for p in preset.parameters) or NOTHING


def _line(parameter: Parameter) -> str:
    return f"{parameter.name}: {parameter.help}" + (" (optional)" if parameter.optional else "")


def _body(preset: Preset) -> documents.PresetBody:
    return {
        "presetName": preset.name,
        "area": "application" if preset.area == "application" else "controller",
        "title": preset.title,
        "allows": preset.allows,
        "parameters": [{"name": p.name, "help": p.help, "optional": p.optional} for p in preset.settable],
        "serviceAccount": preset.service_account or None,
        "managedPolicies": preset.managed_policies,
        "version": preset.version or None,
        "checked": preset.checked,
        "sources": preset.sources,
    }
