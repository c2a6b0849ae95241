"""Views of podid itself: its settings, the completion of a shell, and its versions."""

from podid.domain.members import Document, TextOrNull
from podid.domain.plan import Default
from podid.domain.text import count_of
from podid.ops.settings import SettingList, SettingsPath
from podid.ops.shells import CompletionFiles
from podid.ops.versions import Versions
from podid.render.view import NOTHING, Column, Line, View, document, facts, table_of


class SettingDocument(Document, kind="Setting"):
    """`podid config get`, `podid config set` and `podid config unset`."""

    key: str
    value: TextOrNull
    source: TextOrNull


def setting_view(setting: Default) -> View:
    """Return the value alone, for a shell."""
    return View(document(SettingDocument, setting), lines=(setting.value,), names=(setting.value,), exact=True)


def changed_view(setting: Default, words: str) -> View:
    return View(document(SettingDocument, setting), lines=(words,), names=(setting.key,), exact=True)


def settings_view(settings: SettingList) -> View:
    table = table_of(
        settings.items,
        ("KEY", "key"),
        ("VALUE", lambda item: item.value or NOTHING),
        (Column("SOURCE", folds=1), lambda item: item.source or NOTHING, lambda _: "dim"),
        (Column("MEANING", wide=True, prose=True), "meaning"),
    )
    names = tuple(item.key for item in settings.items if item.source)
    notes: list[str | Line] = []
    if settings.problems:
        notes.append(Line(f"The settings file has {count_of(len(settings.problems), 'mistake')}:", "bad"))
        notes += [*(f"  {problem}" for problem in settings.problems), *([settings.advice] if settings.advice else [])]
    return View(document(SettingList, settings), (table,), names, exact=True, notes=tuple(notes))


def path_view(path: SettingsPath) -> View:
    return View(document(SettingsPath, path), lines=(path.file,), names=(path.file,), exact=True)


def completion_files_view(result: CompletionFiles) -> View:
    if result.installed:
        by = f", loaded by {result.startup}" if result.startup else ""
        done = f"{'installed' if result.changed else 'already installed'}: {result.script}{by}"
    elif result.changed:
        done = f"uninstalled: {result.script}{f', and its line in {result.startup}' if result.startup else ''}"
    else:
        done = "is not installed"
    lines = [Line(f"✓ completion for {result.shell} {done}", "good", upto=1)]
    if result.installed:
        lines.append(Line("Start a new shell to use it."))
    return View(document(CompletionFiles, result), lines=tuple(lines), names=(result.script,), exact=True)


def versions_view(versions: Versions) -> View:
    pairs = (
        ("podid", versions.podid),
        ("Python", versions.python),
        ("platform", versions.platform),
        *((item.name, item.version or NOTHING) for item in versions.libraries),
        ("agent", f"{versions.agent_since} or newer has no known defect"),
        ("action table", f"of {versions.action_table}"),
        ("presets", f"of {versions.presets}"),
        ("failure modes", str(versions.failure_modes)),
    )
    return View(document(Versions, versions), lines=tuple(facts(pairs)), names=(versions.podid,), exact=True)
