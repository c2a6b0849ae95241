"""A check is on the link of its page. What a permissions boundary denies may break an earlier one: the redeeming of
tokens by a node's role, or the second hop. Else it leaves an application without rights."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from podid.checks.base import Check
from podid.domain.findings import Verdict

NODE_ROLE, SECOND_HOP, PERMISSIONS = 7, 9, 10
# check -> the links of its verdicts, where these are several, each with the sections that it alone wants
SEVERAL: Mapping[str, Mapping[int, tuple[str, ...]]] = {
    "permissions-boundary-denies": {NODE_ROLE: (), SECOND_HOP: (), PERMISSIONS: ("bounded",)}
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOfCheck(Check):
    """A check of which only the verdicts on some of its links were asked for."""

    links: tuple[int, ...]


def on_links(check: Check, links: Collection[int]) -> Check | None:
    """The check, with its verdicts on these links alone; None for one that has none."""
    its = SEVERAL.get(check.id, {check.link: ()})
    there = tuple(link for link in its if link in links)
    if not there or len(there) == len(its):
        return check if there else None
    needless = {name for link, names in its.items() if link not in there for name in names}
    values = {field.name: getattr(check, field.name) for field in fields(check)}
    wants = tuple(name for name in check.wants if name not in needless)
    return PartOfCheck(**{**values, "link": there[0], "wants": wants}, links=there)


def placed_on(link: int, check: Check, verdict: Verdict) -> Iterator[Verdict]:
    """The verdict, on that link if the check has several; nothing, where that one was not asked for."""
    if check.id in SEVERAL:
        verdict = replace(verdict, link=link)
    if not isinstance(check, PartOfCheck) or verdict.link in check.links:
        yield verdict
