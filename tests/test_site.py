"""The documentation site: both builders build it, its search finds each failure mode, each page fits the screen."""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

import build_site
import gen_index
from browser import NEEDS_BROWSER, PROGRAM, Browser, browser, served
from harness import one_in
from podid.sandbox.tour import SCENES

pytest.importorskip("zensical", reason="the site is built with the extra docs: pip install 'podid[docs]'")

MODES = {path.stem: gen_index.read(path) for path in sorted(gen_index.PAGES.glob("*.md"))}
QUERIES = [(mode, query) for mode, page in MODES.items() for query in (mode, *(text for text, _ in page.texts))]
# results on one screen of the search
SHOWN = 10
# width, colors and the theme's name for these: the layout does not depend on the colors
SCREENS = ((360, "light", "default"), (1280, "dark", "slate"))
# of each kind of page one, and the widest ones
SAMPLE = (
    "",
    "tutorials/from-nothing-to-verified/",
    "guides/troubleshooting/",
    "guides/migrate-from-irsa/",
    "guides/output-and-scripting/",
    "explanations/layout/",
    "explanations/states/",
    "reference/cli/",
    "reference/checks/",
    "reference/json/",
    "failures/",
    "failures/sdk-too-old/",
)


def built(builder: str, factory: pytest.TempPathFactory) -> Path:
    """Return the site; the first test of any worker that needs it builds it."""
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"site-{builder}"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "made").exists():
            build_site.build(shared / "work", builder)
            (shared / "made").touch()
    return shared / "work" / "site"


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(build_site.DEFAULT, tmp_path_factory)


@pytest.fixture(scope="session")
def window(site_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    if PROGRAM is None:
        pytest.skip(NEEDS_BROWSER)
    with served(site_folder) as address, browser(tmp_path_factory.mktemp("browser") / "profile") as page:
        yield page, address


# --- both builders ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("builder", "index"), one_in(2, [("zensical", "search.json"), ("mkdocs", "search/search_index.json")])
)
def test_both_builders_index_each_failure_mode(
    builder: str, index: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A strict build, so without a warning."""
    document = json.loads((built(builder, tmp_path_factory) / index).read_text(encoding="utf-8"))
    texts: dict[str, str] = {}
    for item in document.get("items") or document["docs"]:
        page = item["location"].partition("#")[0]
        texts[page] = f"{texts.get(page, '')} {item['title']} {re.sub('<[^>]*>', '', item['text'])}"
    plain = {page: _plain(text) for page, text in texts.items()}
    assert [query for query in QUERIES if _plain(query[1]) not in plain[f"failures/{query[0]}/"]] == []


def _plain(text: str) -> str:
    for entity, character in {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&"}.items():
        text = text.replace(entity, character)
    return " ".join(text.split())


def test_a_mention_becomes_a_link_outside_of_code(tmp_path: Path) -> None:
    page = "`sdk-too-old`, `podid explain sdk-too-old`, [`sdk-too-old`](x.md)\n\n```sh\n`sdk-too-old`\n```\n"
    linked = build_site._linked(page, "../failures/")
    assert linked == (
        "[`sdk-too-old`](../failures/sdk-too-old.md), [`podid explain sdk-too-old`](../failures/sdk-too-old.md), "
        "[`sdk-too-old`](x.md)\n\n```sh\n`sdk-too-old`\n```\n"
    )


def test_external_links_are_listed_with_their_pages(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("[x](https://x.example/y#z) [b](b.md) <https://w.example>\n```\n<https://no>\n```\n")
    (tmp_path / "b.md").write_text("<https://w.example>\n")
    assert build_site.external_links(tmp_path) == {
        "https://w.example": ["a.md", "b.md"],
        "https://x.example/y#z": ["a.md"],
    }


# --- search -----------------------------------------------------------------------------------------------------------

SEARCH = """(async () => {
  const root = [...document.querySelectorAll("div")].find(div => div.shadowRoot?.querySelector("input")).shadowRoot;
  const field = root.querySelector("input"), text = %s;
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, text);
  field.dispatchEvent(new Event("input", {bubbles: true, composed: true}));
  const encoded = new URLSearchParams({h: text}).toString();
  // the results of the text before may show for a moment
  for (let round = 0, same = 0, last = ""; round < 200; round++) {
    await new Promise(done => setTimeout(done, 20));
    const links = [...root.querySelectorAll("a")].map(link => link.href);
    same = links.join() === last && last.includes(encoded) ? same + 1 : 0;
    if (same === 8) return links;
    last = links.join();
  }
  return [];
})()"""


SEARCH_IS_OPEN = "[...document.querySelectorAll('div')].some(div => div.shadowRoot?.querySelector('input'))"


@pytest.fixture
def search_page(window: tuple[Browser, str]) -> Browser:
    """Return the page with its search open. Other tests open other pages in the same window."""
    page, address = window
    if not page.evaluate(SEARCH_IS_OPEN):
        page.resize(1280)
        page.open(address)
        page.evaluate("document.querySelector('.md-search__button').click()")
        assert page.holds(SEARCH_IS_OPEN)
    return page


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("mode", "query"), one_in(8, QUERIES), ids=lambda value: value)
def test_the_search_finds_a_failure_mode(search_page: Browser, mode: str, query: str) -> None:
    links = search_page.evaluate(SEARCH % json.dumps(query))
    pages = list(dict.fromkeys(re.sub(r"[?#].*", "", link) for link in links))
    assert f"/failures/{mode}/" in [re.sub("^https?://[^/]*", "", page) for page in pages[:SHOWN]]


# --- the look ---------------------------------------------------------------------------------------------------------

# what a reader cannot see: content that is wider than the screen and cannot be scrolled, pictures that did not load,
# text whose contrast is below WCAG AA
UNSEEN = """(() => {
  const wide = document.documentElement.scrollWidth > innerWidth ? ["the page is wider than the screen"] : [];
  const scrolls = node => node && (/auto|scroll/.test(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
  const content = document.querySelector("article");
  // colors that change slowly are neither the old nor the new ones
  document.head.insertAdjacentHTML("beforeend", "<style>* {transition: none !important}</style>");
  for (const node of content.querySelectorAll("*"))
    if (node.getBoundingClientRect().right > innerWidth + 1 && !scrolls(node.parentElement) && !scrolls(node))
      wide.push("wider than the screen: " + node.outerHTML.slice(0, 80));
  for (const picture of content.querySelectorAll("img"))
    if (!picture.naturalWidth) wide.push("did not load: " + picture.src);
  const color = text => text.match(/[\\d.]+/g).map(Number);
  const light = parts => parts.slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const over = ([red, green, blue, opacity = 1], below) =>
    [red, green, blue].map((part, place) => part * opacity + below[place] * (1 - opacity));
  const ground = node => {
    if (!node) return [255, 255, 255];
    const own = color(getComputedStyle(node).backgroundColor);
    return own[3] === 0 ? ground(node.parentElement) : over(own, (own[3] ?? 1) < 1 ? ground(node.parentElement) : own);
  };
  const judged = new Set(), name = node => `${node.tagName}.${node.className}`;
  for (const node of content.querySelectorAll("p, li, td, th, h1, h2, h3, a:not(.headerlink), code, code span")) {
    const alike = `${name(node)} ${name(node.parentElement)}`;
    if (judged.has(alike)) continue;
    judged.add(alike);
    const below = ground(node), [one, two] = [light(over(color(getComputedStyle(node).color), below)), light(below)];
    const large = parseFloat(getComputedStyle(node).fontSize) >= 24;
    if ((Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05) < (large ? 3 : 4.5) && node.textContent.trim())
      wide.push("hard to read: " + node.outerHTML.slice(0, 80));
  }
  return [...new Set(wide)].slice(0, 5);
})()"""


def _rest() -> list[str]:
    pages = [f"failures/{mode}/" for mode in MODES]
    for page in sorted((build_site.ROOT / "docs").rglob("*.md")):
        name = page.relative_to(build_site.ROOT / "docs").with_suffix("").as_posix()
        pages.append(re.sub("(README|index)$", "", f"{name}/".replace("README/", "").replace("index/", "")))
    return [page for page in pages if page not in SAMPLE]


PAGES = [*SAMPLE, *(pytest.param(page, marks=pytest.mark.rare) for page in _rest())]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page or "index")
def test_a_page_fits_a_telephone_and_a_desk_by_day_and_by_night(window: tuple[Browser, str], page: str) -> None:
    browser, address = window
    browser.requests.clear()
    browser.open(address + page)
    unseen = {}
    for width, scheme, name in SCREENS:
        browser.resize(width)
        browser.prefer(color_scheme=scheme)
        assert browser.holds(f"document.body.dataset.mdColorScheme === '{name}'")
        if problems := browser.evaluate(UNSEEN):
            unseen[f"{width} {scheme}"] = problems
    assert unseen == {}
    assert {request for request in browser.requests if not request.startswith((address, "data:"))} == set()


# --- the picture of the demo ------------------------------------------------------------------------------------------

DEMO = build_site.ROOT / "docs" / "images" / "demo.svg"


def test_the_demo_is_small_and_needs_nothing_else() -> None:
    text = DEMO.read_text(encoding="utf-8")
    assert len(text) < 150_000
    root = ElementTree.fromstring(text)
    assert {"script", "image", "foreignObject"} & {node.tag.rpartition("}")[2] for node in root.iter()} == set()
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    shown = [node.text for node in root.iter() if node.tag.endswith("text")]
    assert [f"$ podid {scene.argv[0]}" for scene in SCENES] == [
        " ".join(text.split()[:3]) for text in shown if text and text.startswith("$ podid")
    ]


@pytest.mark.parametrize(("motion", "visible"), [("no-preference", [0]), ("reduce", [len(SCENES) - 1])])
def test_the_demo_begins_with_its_first_scene_or_stands_at_its_last(
    window: tuple[Browser, str], motion: str, visible: list[int]
) -> None:
    browser, address = window
    browser.prefer(reduced_motion=motion)
    browser.open(f"{address}images/demo.svg")
    scenes = browser.evaluate("[...document.querySelectorAll('.scene')].map(node => getComputedStyle(node).opacity)")
    assert [number for number, opacity in enumerate(scenes) if opacity == "1"] == visible
