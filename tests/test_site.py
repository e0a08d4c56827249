"""The web book in a real browser, page by page; and its links. Each check is shown a broken page, too."""

import functools
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from serving import served

import daeutils

import npm
from notebooks import ROOT, chapters

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
CHAPTER = "chapters/02-the-score-inside-bce.html"


@pytest.fixture(scope="module")
def server(site):
    """The address under which the site is served, on this machine only."""
    with served(site) as found:
        yield found


# What is looked for on a page

LOOK = r"""async () => {
  const found = {tex: [], image: [], formula: [], slider: []};
  const short = (text) => text.trim().replace(/\s+/g, " ").slice(0, 80);
  await window.MathJax?.startup?.promise;

  for (const slider of document.querySelectorAll(".dae-slide input")) {
    const box = slider.closest(".dae-slide"), before = box.querySelector("img").src;
    slider.value = slider.value === slider.max ? 0 : slider.max;
    slider.dispatchEvent(new Event("input"));
    if (box.querySelector("img").src === before) found.slider.push(slider.dataset.words);
  }

  const tex = /\\[A-Za-z()[\]]|\$[^$]+\$/;
  const walk = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const {data, parentElement} = walk.currentNode;
    const shown = !parentElement.closest("script, style, pre, code, mjx-container");
    if (shown && tex.test(data)) found.tex.push(short(data));
  }

  for (const img of document.images) {
    img.loading = "eager";
    await img.decode().catch(() => {});
    if (!img.naturalWidth) found.image.push(`not shown: ${img.src.slice(0, 80)}`);
    if (!img.alt.trim()) found.image.push(`no description: ${img.src.slice(0, 80)}`);
    if (tex.test(img.alt)) found.tex.push(short(img.alt));
  }

  for (const formula of document.querySelectorAll(".math")) {
    const error = formula.querySelector("[data-mjx-error], mjx-mtext[style*='color: red']");
    if (error || !formula.querySelector("mjx-container")) found.formula.push(short(formula.textContent));
  }
  return found;
}"""

AXE = """async (rules) => (await axe.run(document, {resultTypes: ["violations"], ...rules})).violations
  .filter(({impact}) => impact === "serious" || impact === "critical")
  .flatMap(({id, nodes}) => nodes.map(({html}) => `${id}: ${html.slice(0, 120)}`))"""

# The theme lets its column scroll, so the document itself is never too wide. Three frames, for book.js.
WIDER = """async () => {
  for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
  return [...document.querySelectorAll("html, .content")]
    .filter((box) => box.scrollWidth > box.clientWidth)
    .map((box) => `${box.scrollWidth} pixels in a column of ${box.clientWidth}`);
}"""

KINDS = ("request", "broken", "script", "tex", "image", "formula", "slider", "axe", "width")


def axe(page, **rules) -> list[str]:
    """The serious and the critical findings of axe-core, each with its rule and element."""
    page.evaluate((npm.packages() / "axe-core/axe.min.js").read_text("utf-8"))
    return page.evaluate(AXE, rules)


def findings(browser, address: str, *, change=None, scan=True) -> dict[str, list[str]]:
    """kind -> what is wrong with the page at `address`, after `change` of its text.

    Looked at in light on a desk, then in dark on a phone; scan=False leaves axe-core out.
    """
    home = urlsplit(address)._replace(path="/", query="", fragment="").geturl()
    found = {kind: [] for kind in KINDS}

    def asked(request):
        if not request.url.startswith((home, "data:", "blob:")):
            found["request"].append(request.url)

    def answered(response):
        if response.status >= 400:
            found["broken"].append(f"{response.status}: {response.url}")

    def said(message):
        if message.type == "error":
            found["script"].append(message.text)

    with browser.new_context(viewport=DESK, color_scheme="light") as context:
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.on("request", asked)
        page.on("response", answered)
        page.on("console", said)
        page.on("pageerror", lambda error: found["script"].append(str(error)))
        if change:
            page.route(address, functools.partial(changed, change))
        page.goto(address)
        found |= page.evaluate(LOOK)
        if scan:
            found["axe"] += [f"light: {line}" for line in axe(page)]
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(PHONE)
        found["width"] += page.evaluate(WIDER)
        if scan:
            found["axe"] += [f"dark: {line}" for line in axe(page, runOnly=["color-contrast"])]
    return found


def changed(change, route):
    response = route.fetch()
    route.fulfill(response=response, body=change(response.text()))


def pages(site: Path) -> list[str]:
    """All but the slides, and the listings of our modules, which are code and nothing else."""
    found = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return [name for name in found if not name.startswith(("_modules/daeutils/", "slides/"))]


@pytest.fixture(scope="module")
def found(browser, site, server) -> dict[str, dict[str, list[str]]]:
    """page -> kind -> findings, for the whole site"""
    return {name: findings(browser, server + name) for name in pages(site)}


WRONG = {
    "request": "a page asks another machine",
    "broken": "a file of the site is missing",
    "script": "a script failed, or the content policy stopped it",
    "tex": "TeX is shown as text",
    "image": "a picture is missing or has no description",
    "formula": "a formula is not typeset",
    "slider": "a slider moves, and its picture stays",
    "axe": "axe-core has serious findings",
    "width": "a page is wider than a phone",
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_page_of_the_site_is_spoiled(found, kind):
    assert len(found) > len(chapters())
    wrong = {page: kinds[kind] for page, kinds in found.items() if kinds[kind]}
    assert not wrong, WRONG[kind]


def test_every_caption_stands_once(site):
    """Also where the cell of a figure shows a table as well."""
    for path in chapters():
        page = BeautifulSoup((site / f"chapters/{path.stem}.html").read_text("utf-8"), "html.parser")
        captions = [caption.get_text() for caption in page.find_all("figcaption")]
        assert captions and len(captions) == len(set(captions)), path.stem


SPOILED = {  # kind -> what spoils a page, and words of the finding
    "request": ("<img alt='x' src='https://example.org/x.png'>", "example.org/x.png"),
    "broken": ("<script src='missing.js'></script>", "missing.js"),
    "script": ("<script>missing()</script>", "missing is not defined"),
    "tex": (r"<p>where $\sigma$ is small</p>", r"$\sigma$"),
    "image": ("<img src='_static/favicon.svg'>", "no description"),
    "formula": (r"<span class='math'>\(\frac{\)</span>", "frac"),
    "axe": ("<p style='color: #888; background: #999'>hardly to be read</p>", "color-contrast"),
    "width": ("<div style='width: 500px'>wide</div>", "pixels in a column"),
}


def test_a_spoiled_page_is_seen(browser, server):
    """A page with a formula, and everything wrong with it."""

    def spoil(text):
        assert text.count("</article>") == 1
        return text.replace("</article>", "".join(html for html, _ in SPOILED.values()) + "</article>")

    seen = findings(browser, f"{server}index.html", change=spoil)
    for kind, (_, words) in SPOILED.items():
        assert any(words in line for line in seen[kind]), WRONG[kind]


def test_a_slider_without_its_pictures_is_seen(browser, server):
    def spoil(text):
        assert text.count('addEventListener("input", show)') == 1
        return text.replace('addEventListener("input", show)', 'addEventListener("never", show)')

    assert findings(browser, server + CHAPTER, change=spoil, scan=False)["slider"]


@pytest.mark.parametrize("policy", [True, False])
def test_the_content_policy_keeps_a_page_from_asking_others(browser, server, policy):
    """Without the policy the same page does ask, so the test can fail."""
    asked = []
    with browser.new_context(bypass_csp=not policy) as context:
        page = context.new_page()
        page.route(
            "https://example.org/*", lambda route: (asked.append(route.request.url), route.abort())
        )
        page.goto(f"{server}index.html")
        page.evaluate(
            """async () => {
              for (const [tag, key] of [["img", "src"], ["script", "src"], ["iframe", "src"]])
                document.body.append(Object.assign(document.createElement(tag), {[key]: `https://example.org/${tag}`}));
              await fetch("https://example.org/fetch").catch(() => {});
            }"""
        )
        page.wait_for_timeout(500)
    assert len(asked) == (0 if policy else 4), asked


# Without a server: from a folder, a stick, a mail


def test_the_site_opens_from_a_folder(browser, site):
    for name in ("index.html", CHAPTER):
        seen = findings(browser, (site / name).as_uri(), scan=False)
        assert not any(seen.values()), seen
    assert search(browser, site.as_uri() + "/", "posterior mean")


# Search, keyboard


def search(browser, base: str, words: str) -> list[str]:
    """The results of the site's own search, asked as a reader asks: by keyboard."""
    with browser.new_page() as page:
        page.goto(f"{base}index.html")
        page.locator(".sidebar-search").fill(words)
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?*")
        page.locator("#search-results .search-summary", has_text=re.compile("found|did not")).wait_for()
        page.wait_for_load_state("networkidle")  # each result quotes its page
        return page.locator("#search-results li").all_inner_texts()


def test_search_finds_what_is_there_and_nothing_else(browser, server):
    results = search(browser, server, "posterior mean")
    assert any(text.startswith("02") and "posterior mean" in text[10:] for text in results)
    assert not any("\\" in text or "$" in text for text in results), "TeX is quoted"
    assert any("certificate" in text for text in search(browser, server, "certificate"))
    assert search(browser, server, "quagga") == []


def test_the_page_can_be_used_by_keyboard(browser, server):
    with browser.new_page(viewport=PHONE) as page:
        page.goto(server + CHAPTER)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent.trim()") == "Skip to content"
        page.locator("pre[tabindex='0']:visible").first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(500)
        assert page.evaluate("document.activeElement.scrollLeft") > 0


def test_what_goes_on_to_the_right_fades_until_its_end_is_seen(browser, server):
    with browser.new_page(viewport=PHONE) as page:
        page.goto(server + CHAPTER)
        figure = page.locator(".cell_output figure > .more").first
        faded = figure.evaluate("""async (box) => {
          box.scrollTo(box.scrollWidth, 0);
          await new Promise((seen) => setTimeout(seen, 500));
          return box.classList.contains("more");
        }""")
        assert not faded


# Code on a desk, and everything on paper

CUT = """(what) => [...document.querySelectorAll(what)]
  .filter((box) => box.offsetParent && box.clientWidth && (box.scrollWidth > box.clientWidth + 1
    || box.getBoundingClientRect().right > innerWidth + 1))
  .map((box) => `${box.tagName}: ${box.textContent.slice(0, 80)}`)"""
FIXED = """() => [...document.querySelectorAll("body *")]
  .filter((box) => ["fixed", "sticky"].includes(getComputedStyle(box).position) && box.offsetWidth > 1)
  .map((box) => box.className)"""


def cut(page, paper: bool) -> list[str]:
    """What is cut off at the right: code on a desk; on paper anything, or hidden behind what is fixed."""
    page.emulate_media(media="print" if paper else "screen")
    page.set_viewport_size({"width": 720, "height": 1000} if paper else {"width": 1440, "height": 900})
    page.wait_for_timeout(300)
    if not paper:
        return page.evaluate(CUT, ".cell_input pre")
    return page.evaluate(CUT, "pre, .math, table, img") + page.evaluate(FIXED)


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem[:2])
def test_no_code_is_cut_on_a_desk_and_nothing_on_paper(browser, server, path):
    with browser.new_page() as page:
        page.goto(f"{server}chapters/{path.stem}.html")
        page.evaluate("window.MathJax?.startup?.promise.then(() => 0)")
        assert cut(page, paper=False) == []
        assert cut(page, paper=True) == []


def test_what_is_cut_is_seen(browser, server):
    """A long line of code, and on paper a formula without a break and a box that stays."""
    wide = "<div style='width: 3000px'>x</div>"
    spoiled = f"<div class='cell_input'><pre style='width: 500px; overflow: auto'>{wide}</pre></div>"
    spoiled += f"<div class='math' style='overflow: auto'>{wide}</div>"
    spoiled += "<div style='position: fixed'>Skip</div>"
    with browser.new_page() as page:
        page.route(
            "**/*.html",
            functools.partial(changed, lambda text: text.replace("</article>", spoiled + "</article>")),
        )
        page.goto(f"{server}chapters/00-start-here.html")
        assert len(cut(page, paper=False)) == 1
        assert len(cut(page, paper=True)) >= 3


@pytest.mark.parametrize("name", ["index.html", "chapters/00-start-here.html"])
def test_on_paper_a_film_is_its_last_picture(browser, server, name):
    """A browser prints the first one, which is noise."""
    with browser.new_page() as page:
        page.goto(server + name)
        for media in ("screen", "print"):
            page.emulate_media(media=media)
            assert page.locator("img.still").is_visible() == (media == "print")
            assert page.locator("picture").is_visible() == (media == "screen")


def test_code_can_be_copied(browser, server):
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto(server + CHAPTER)
        button = page.locator("button.copy:visible").first
        code = button.locator("xpath=..").locator("pre").inner_text()
        button.click()
        page.locator("button.copy", has_text="Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == code


def test_a_figure_opens_alone(browser, server):
    """By a click, and by keyboard; a picture under sliders stays where it is."""
    with browser.new_page(viewport=PHONE) as page:
        page.goto(server + CHAPTER)
        figure = page.locator("figure a.enlarge").first
        address = figure.locator("img").get_attribute("src")
        figure.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/_images/*.png")
        assert page.url.endswith(address.rsplit("/", 1)[1])
        page.go_back()
        assert page.locator(".dae-slide").count() and not page.locator(".dae-slide a").count()


# Links


def links(site: Path) -> list[str]:
    """Every link, picture, script and style of the site that leads nowhere."""
    soups = {
        path.resolve(): BeautifulSoup(path.read_text("utf-8"), "html.parser")
        for path in site.rglob("*.html")
        if path.parent.name != "slides"
    }
    places = {path: {tag["id"] for tag in soup.find_all(id=True)} for path, soup in soups.items()}
    wrong = []
    for path, soup in soups.items():
        targets = {tag.get("href") or tag.get("src") for tag in soup.select("[href], [src]")}
        for target in filter(None, targets):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not to.is_file():
                wrong.append(f"{path.name}: {target}: no such file")
            elif parts.fragment and to in places and unquote(parts.fragment) not in places[to]:
                wrong.append(f"{path.name}: {target}: no such place")
    return wrong


def test_every_link_leads_somewhere(site):
    assert links(site) == []


# What the pages say


def test_every_module_and_every_name_has_its_entry(site):
    """The API pages hold each public module of the package, and all that a chapter finds as du.name."""
    text = "".join(path.read_text("utf-8") for path in (ROOT / "docs" / "api").glob("*.md"))
    listed = re.findall(r"automodule:: daeutils\.(\w+)", text)
    modules = [path.stem for path in (ROOT / "daeutils").glob("[a-z]*.py")]
    assert sorted(listed) == sorted(modules)
    pages = "".join(path.read_text("utf-8") for path in (site / "api").glob("*.html"))
    for name in daeutils.__all__:
        thing = getattr(daeutils, name)
        if callable(thing):
            assert f'id="{thing.__module__}.{thing.__name__}"' in pages, name


def test_the_map_names_tests_that_exist():
    text = (ROOT / "docs" / "paper-map.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named and all((ROOT / "tests" / f"{name}.py").exists() for name in named)
    for number in [*(f"P{i}" for i in range(1, 6)), *(f"T{i}" for i in range(1, 10))]:
        assert re.search(rf"^#+ {number}$", text, re.MULTILINE), number


def test_every_reference_is_put_to_use():
    """Sphinx refuses a citation without an entry; this is the other way round."""
    entries = re.findall(
        r"^@\w+\{(\w+),", (ROOT / "docs" / "references.bib").read_text("utf-8"), re.MULTILINE
    )
    text = (ROOT / "docs" / "references.md").read_text("utf-8")
    assert [key for key in entries if f"`{key}`" not in text] == []
    assert len(set(entries)) == len(entries) > 20
