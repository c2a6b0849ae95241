"""Views of the settings file."""

from podid.domain.members import Document, TextOrNull
from podid.domain.plan import Default
from podid.domain.text import count_of
from podid.ops.settings import SettingList, SettingsPath
from podid.render.view import NOTHING, Column, Line, View, document, table_of


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
    return View(document(SettingList, settings), (table,), names, exact=True)


def problem_lines(settings: SettingList) -> list[str | Line]:
    if not settings.problems:
        return []
    words = f"The settings file has {count_of(len(settings.problems), 'mistake')}:"
    advice = [settings.advice] if settings.advice else []
    return [Line(words, "bad"), *(f"  {problem}" for problem in settings.problems), *advice]


def path_view(path: SettingsPath) -> View:
    return View(document(SettingsPath, path), lines=(path.file,), names=(path.file,), exact=True)
