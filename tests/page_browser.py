"""The HTML page in a real browser: nothing runs, loads, alerts or overflows that
should not; it is whole without its script, and the script does what it says.

page_browser.py NORMGATE FOLDER [--axe VENV]: of the pages that page_records.py
left in FOLDER. With --axe only axe-core looks at them. 77: could not be done."""
import argparse
import glob
import pathlib
import re
import subprocess
import sys

from browser import Browser, Server, expect, faults, skip, start

try:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    pass # start() says so

PAGES = ("passing", "failing", "worker", "joined", "forged", "empty",
         "incomplete", "adopted", "compared", "diff")
# Both widths with script and without, and both schemes.
LOOKS = ((390, "light", False), (390, "dark", True), (1400, "dark", False),
         (1400, "light", True))


# --- every page, width, scheme, with script and without ----------------------

OVERFLOW = """
const width = arguments[0], wide = [];
if (document.scrollingElement.scrollWidth > width ||
    document.scrollingElement.scrollWidth > innerWidth)
  for (const e of document.querySelectorAll('body *'))
    if (e.getBoundingClientRect().right > width && !e.closest('.scroll, nav'))
      wide.push(e.tagName + '.' + e.className + ' ' +
                e.textContent.slice(0, 60));
return [document.scrollingElement.scrollWidth, innerWidth, wide.slice(0, 5)];
"""
# Text that is there but cannot be seen, nor unfolded, nor scrolled to.
UNSEEN = """
const unseen = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walk.nextNode(); node; node = walk.nextNode()) {
  const parent = node.parentElement;
  if (!node.data.trim() || parent.closest('script'))
    continue;
  if (parent.closest('.skip'))
    continue; /* comes into view by the keyboard */
  const fold = parent.closest('details:not([open])');
  if (fold && !parent.closest('summary'))
    continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const box = range.getBoundingClientRect();
  if (box.width < 1 || box.height < 1 || box.bottom + scrollY < 0 ||
      box.right < 0 || !parent.checkVisibility({checkOpacity: true,
        checkVisibilityCSS: true}))
    unseen.push(parent.tagName + '.' + parent.className + ': ' + node.data);
}
return unseen.slice(0, 5);
"""


def check_pages(browser):
    for name in PAGES:
        texts = {}
        for width, scheme, script in LOOKS:
            what = (name, width, scheme, f"script={script}:")
            browser.look(width, scheme, script)
            browser.open(name + ".html")
            body, inner, wide = browser.run(OVERFLOW, width)
            expect(body <= width and inner == width, *what,
                   "is", body, "wide:", wide)
            ids = browser.run(
                "return [...document.querySelectorAll('[id]')]"
                ".map(e => e.id)")
            expect(len(ids) == len(set(ids)), *what, "twice an id")
            broken = browser.run(
                "return [...document.querySelectorAll('a[href]')]"
                ".map(a => a.getAttribute('href')).filter(h =>"
                " h[0] !== '#' || !document.getElementById("
                "h.slice(1)))")
            expect(broken == [], *what, "links to nowhere", broken)
            dark = browser.run("return getComputedStyle(document.body)"
                               ".backgroundColor")
            texts[scheme] = dark
            made = browser.run("return document.querySelectorAll("
                               "'main button').length") > 0
            has = browser.run("return document.querySelectorAll("
                              "'table.sortable').length") > 0
            expect(made == (script and has), *what,
                   "script and its buttons do not agree")
            if not script:
                unseen = browser.run(UNSEEN)
                expect(unseen == [], *what, "unseen", unseen)
        expect(texts["light"] != texts["dark"], name, "has one scheme")


# --- what the script does ----------------------------------------------------

def number(text):
    """What a cell says, read again: nan where it has no number."""
    found = re.search(r"-?inf|-?\d[\d,]*\.?\d*(e[+-]?\d+)?", text)
    return float(found.group().replace(",", "")) if found else float("nan")


def column(browser, table, at):
    """The texts of a column in the rows that are shown, from the top."""
    return browser.run(
        "return [...document.querySelectorAll(arguments[0] + ' tbody tr')]"
        ".filter(r => !r.hidden && !r.matches('.subject'))"
        ".map(r => r.cells[arguments[1]].textContent)", table, at)


def head(browser, table, at):
    return browser.all(f"{table} thead th")[at]


def check_sorting(browser):
    browser.look(1400)
    browser.open("passing.html")
    names = [h.text for h in browser.all("table.matrix thead th")]
    at = next(i for i in range(1, len(names)) if names[i] == "accuracy")
    before = column(browser, "table.matrix", at)
    numbers = [number(text) for text in before]
    up, down = sorted(numbers), sorted(numbers, reverse=True)
    expect(len(set(numbers)) > 4 and numbers not in (up, down),
           "nothing to sort:", numbers)
    head(browser, "table.matrix", at).find_element(
        By.TAG_NAME, "button").click()
    seen = [number(t) for t in column(browser, "table.matrix", at)]
    expect(seen == down, "a click sorts", seen, "not", down)
    expect(head(browser, "table.matrix", at).get_attribute("aria-sort")
           == "descending", "aria-sort after a click")
    button = head(browser, "table.matrix", at).find_element(
        By.TAG_NAME, "button")
    button.send_keys(Keys.ENTER)
    seen = [number(t) for t in column(browser, "table.matrix", at)]
    expect(seen == up, "Enter turns it round:", seen)
    expect(head(browser, "table.matrix", at).get_attribute("aria-sort")
           == "ascending", "aria-sort after Enter")
    button.send_keys(Keys.SPACE)
    expect(column(browser, "table.matrix", at) == before,
           "a third time gives the first order")
    expect(head(browser, "table.matrix", at).get_attribute("aria-sort")
           is None, "aria-sort stays")
    kernels = column(browser, "table.matrix", 0)
    head(browser, "table.matrix", 0).find_element(
        By.TAG_NAME, "button").click()
    expect(column(browser, "table.matrix", 0) == sorted(kernels)
           and kernels != sorted(kernels), "names are not sorted")
    # Over the borders of subjects, whose names go along.
    browser.open("joined.html")
    head(browser, "table.seeded", 4).find_element(
        By.TAG_NAME, "button").click()
    ratios = [number(t) for t in column(browser, "table.seeded", 4)]
    expect(len(ratios) > 1 and ratios == sorted(ratios, reverse=True),
           "seeded bugs by ratio:", ratios)
    shown = browser.all("table.seeded tbody")[0].text
    expect("builtin:bug.sleeper" in shown, "the row lost its subject")


def check_filter(browser):
    browser.look(1400)
    browser.open("passing.html")
    total = len(column(browser, "table.matrix", 0))
    field = browser.all("#matrix .filter input[type=search]")[0]
    field.send_keys("backward f64")
    rows = column(browser, "table.matrix", 0)
    expect(0 < len(rows) < total and all(
        "backward" in row and "f64" in row for row in rows),
        "filtered by kernel:", rows)
    expect(browser.all("#matrix .filter output")[0].text
           == f"{len(rows)} of {total}", "the count of a filter")
    field.clear()
    field.send_keys("shift")
    heads = [h.text for h in browser.all("table.matrix thead th")
             if h.is_displayed()]
    expect(heads == ["Kernel", "shift"], "filtered by property:", heads)
    expect(len(column(browser, "table.matrix", 0)) == total, "rows went too")
    field.clear()
    field.send_keys("no such thing")
    expect(column(browser, "table.matrix", 0) == [], "a row is left")
    browser.open("forged.html")
    browser.all("#matrix .filter input[type=checkbox]")[0].click()
    rows = browser.run(
        "return [...document.querySelectorAll('table.matrix tbody tr')]"
        ".filter(r => !r.hidden && !r.matches('.subject'))"
        ".map(r => r.querySelector('td.fail:not([hidden])') !== null)")
    every = len(browser.run("return [...document.querySelectorAll("
                            "'table.matrix tbody tr:not(.subject)')]"))
    expect(0 < len(rows) <= every and all(rows), "only failing:", rows)
    browser.open("failing.html")
    browser.all("#findings .filter input")[0].send_keys("negation")
    seen = [f.find_element(By.TAG_NAME, "summary").text
            for f in browser.all(".finding") if f.is_displayed()]
    expect(len(seen) == 1 and "negation" in seen[0], "findings:", seen)
    # A link to a hidden finding shows it again.
    browser.run("document.querySelector('table.matrix a[href^=\"#f-\"]')"
                ".click()")
    browser.driver.implicitly_wait(0)
    shown = browser.driver.execute_async_script(
        "const done = arguments[0]; setTimeout(() => done([...document"
        ".querySelectorAll('.finding, .diagnosis')].every(f => !f.hidden)), "
        "100)")
    expect(shown, "a linked finding stays hidden")
    check_unfolding(browser)


def check_unfolding(browser):
    """A link to a finding that is folded unfolds it and brings it into view."""
    for script in (False, True):
        browser.look(1400, script=script)
        browser.open("failing.html")
        folded = browser.run(
            "return [...document.querySelectorAll('table.matrix a')].filter("
            "a => !document.querySelector(a.getAttribute('href'))"
            ".closest('details').open).map(a => a.getAttribute('href'))")
        expect(len(folded) > 5, len(folded), "findings are folded")
        browser.all(f"table.matrix a[href='{folded[-1]}']")[0].click()
        seen = browser.run(
            "const e = document.querySelector(arguments[0]);"
            "const top = e.getBoundingClientRect().top;"
            "return [e.closest('details').open, top >= 0 && top < innerHeight]",
            folded[-1])
        expect(seen == [True, True], "script", script, "folded:", seen)


def check_tips(browser):
    browser.look(1400)
    browser.open("passing.html")
    tip = "return document.getElementById('tip').hidden ? null : " \
          "document.getElementById('tip').textContent"
    expect(browser.run(tip) is None, "a tip at first")
    cell = browser.all("table.matrix td[data-tip]")[0]
    browser.run("arguments[0].scrollIntoView({block: 'center'})", cell)
    ActionChains(browser.driver).move_to_element(cell).perform()
    expect("layer_norm/forward/" in (browser.run(tip) or ""),
           "no case line under the pointer:", browser.run(tip))
    ActionChains(browser.driver).send_keys(Keys.ESCAPE).perform()
    expect(browser.run(tip) is None, "Escape leaves the tip")
    first = browser.all("table.matrix td[tabindex='0']")
    expect(len(first) == 1, len(first), "cells to tab to")
    browser.run("arguments[0].focus()", first[0])
    one = browser.run(tip)
    first[0].send_keys(Keys.ARROW_RIGHT)
    two = browser.run(tip)
    expect(one and two and one != two, "arrows:", one, two)
    expect(browser.run("return document.activeElement.getAttribute("
                       "'aria-describedby')") == "tip", "a tip of nothing")
    links = browser.run(
        "document.activeElement.blur(); const e = document.querySelector("
        "'.skip'); e.focus(); return e.getBoundingClientRect().top")
    expect(links >= 0, "the skip link stays out of view")


def check_copy(browser):
    browser.look(1400)
    browser.cdp("Browser.grantPermissions",
                permissions=["clipboardReadWrite",
                             "clipboardSanitizedWrite"])
    browser.open("failing.html")
    browser.all(".copy")[0].click()
    text = browser.driver.execute_async_script(
        "const done = arguments[0]; setTimeout(() => navigator.clipboard"
        ".readText().then(done, e => done(String(e))), 200)")
    expect(text == browser.all("pre.replay code")[0].text, "copied:", text)


# --- the commands of the page ------------------------------------------------

FINDINGS = """
return [...document.querySelectorAll('article.finding')].map(f => {
  f.querySelector('details').open = true;
  const row = [...f.querySelectorAll('.numbers tr')].find(
    r => r.cells[0].textContent.startsWith('got'));
  const code = f.querySelector('pre.replay code');
  return {verdict: f.querySelector('.tag').textContent,
          property: f.querySelector('.property').textContent,
          got: row ? row.cells[2].textContent : null,
          replay: code ? code.textContent : null};
});
"""


def check_replays(browser, root):
    """Each repeats its verdict and, to the bit, what the kernel returned."""
    browser.look(1400, script=False)
    for page in ("failing", "worker"):
        browser.open(page + ".html")
        findings = browser.run(FINDINGS)
        expect(len(findings) >= (10 if page == "failing" else 1), page, "has",
               len(findings), "findings")
        numbers = 0
        for found in findings:
            done = subprocess.run(["sh", "-c", found["replay"]], cwd=root,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60,
                                  check=False)
            said = done.stdout.decode(errors="replace")
            verdict = found["verdict"].split()[-1].upper()
            expect(done.returncode == 1, "exit", done.returncode, "of",
                   found["replay"], said[-400:])
            expect(f"{found['property']}: {verdict}" in said, found["replay"],
                   "does not say", verdict, said[-400:])
            if found["got"]:
                numbers += 1
                expect(re.search(r"(?<!\S)" + re.escape(found["got"]) +
                                 r"(?!\S)", said), found["replay"],
                       "does not return", found["got"])
        expect(page != "failing" or numbers >= 10, "few numbers:", numbers)


# --- axe-core ----------------------------------------------------------------

AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations']}).then(
  found => done(found.violations.map(v => [v.id, v.impact, v.nodes.length,
    v.nodes[0].html.slice(0, 160), v.nodes[0].failureSummary])),
  error => done([['axe', String(error)]]));
"""


def check_axe(browser, source, folder):
    """All default rules, one page also without what the script adds."""
    browser.driver.set_script_timeout(60)
    pages = [(name, width, scheme) for name in PAGES if name != "passing"
             for width, scheme in ((390, "light"), (1400, "dark"))]
    text = (folder / "failing.html").read_text()
    bare = re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    expect(bare != text, "failing has no script")
    (folder / "failing-bare.html").write_text(bare)
    pages += [("failing-bare", 390, "dark"), ("failing-bare", 1400, "light")]
    for name, width, scheme in pages:
        browser.look(width, scheme)
        browser.open(name + ".html")
        browser.run(source)
        for found in browser.driver.execute_async_script(AXE):
            expect(False, name, width, scheme, "axe:", *found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("normgate", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--axe", type=pathlib.Path)
    words = parser.parse_args()
    axe = sorted(glob.glob(f"{words.axe}/lib/*/site-packages/*/axe.min.js"))
    if words.axe and not axe:
        skip(f"axe-core is not in {words.axe}: ./run test installs it")
    chromium = start()
    server = Server(words.folder)
    try:
        browser = Browser(chromium, server)
        if axe:
            check_axe(browser, pathlib.Path(axe[0]).read_text(), words.folder)
        else:
            check_pages(browser)
            check_sorting(browser)
            check_filter(browser)
            check_tips(browser)
            check_copy(browser)
            check_replays(browser, words.normgate.resolve().parent)
    finally:
        chromium.quit()
    print(f"{len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
