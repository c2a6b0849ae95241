"""Presets in words, and as the policies that they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Literal

from podid.domain.members import OR_NULL, About, Document, From, PolicyObject
from podid.ops.role.presets import Choice, Parameter, Preset, fill
from podid.render.view import NOTHING, Column, Table, View, document


def list_view(presets: Sequence[Preset]) -> View:
    titles = (Column("NAME"), Column("FOR"), Column("PARAMETERS", folds=1), Column("MAY", prose=True, folds=2))
    rows = tuple((preset.name, preset.area, _keys(preset), preset.words) for preset in presets)
    return View(
        document(PresetListDocument, items=presets), (Table(titles, rows),), tuple(preset.name for preset in presets)
    )


def preset_view(choice: Choice) -> View:
    preset, found = choice.preset, fill(choice, {})
    members = {"words": found.sentence, "policy": found.document, "placeholders": sorted(found.missing)}
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
    return View(document(PresetDocument, preset, **members), (table,), (preset.name,), tuple(lines))


def _keys(preset: Preset) -> str:
    return ",".join(f"[{p.name}]" if p.optional else p.name for p in preset.parameters) or NOTHING


def _line(parameter: Parameter) -> str:
    return f"{parameter.name}: {parameter.help}" + (" (optional)" if parameter.optional else "")


# --- documents --------------------------------------------------------------------------------------------------------


class PresetBody(Document):
    preset_name: Annotated[str, From("name")]
    area: Literal["application", "controller"]
    title: str
    allows: Annotated[str, About("What it may do, in words; `{{name}}` stands for a parameter.")]
    parameters: Annotated[Sequence[Parameter], From("settable")]
    service_account: Annotated[str, OR_NULL, About("The one of the workload's own installation.")]
    managed_policies: Annotated[Sequence[str], About("Policies of AWS's own that it is made of, by name.")]
    version: Annotated[str, OR_NULL, About("The line of the workload's releases that it was written for.")]
    checked: Annotated[str, About("The day on which that was.")]
    sources: Sequence[str]


class PresetListDocument(Document, kind="PresetList"):
    """`podid preset list`."""

    items: Sequence[PresetBody]


class PresetDocument(PresetBody, kind="Preset"):
    """`podid preset show`."""

    words: str
    policy: Annotated[PolicyObject | None, About("null where it is made of AWS's own policies alone.")]
    placeholders: Annotated[Sequence[str], About("What stands in it as `{{name}}` and was not given.")]
