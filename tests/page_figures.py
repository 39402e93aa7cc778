"""The figures of the HTML page against its records: counted again from the
lines of records.jsonl by code that shares nothing with reports/.

page_figures.py FOLDER: of the pages that page_records.py left there."""
import collections
import html.parser
import json
import math
import pathlib
import re
import sys

WRONG = {"FAIL", "CRASH", "HANG", "REFUSED", "ERROR"}
NOT_JUDGED = {"SKIP", "UNSUPPORTED", "WAIVED"}
PAGES = ("passing", "failing", "worker", "joined", "incomplete", "adopted",
         "compared")
faults = []


def expect(holds, *words):
    if not holds:
        faults.append(words)
        print("FAIL:", *words)


class Page(html.parser.HTMLParser):
    """The terms of the verdict, the rows of the matrix, the findings."""
    def __init__(self, text):
        super().__init__()
        self.facts, self.matrix, self.findings = {}, [], []
        self.heads, self.left_out, self.headline = [], False, ""
        self.path, self.text = [], ""
        self.term = self.cells = self.cell = None
        self.feed(text)

    def inside(self, tag, name=None):
        return any(t == tag and (name is None or name in words)
                   for t, words in self.path)

    def handle_starttag(self, tag, attributes):
        words = dict(attributes)
        if tag in ("meta", "link", "wbr"):
            return
        self.path.append((tag, (words.get("class") or "").split()
                          + [words.get("id")]))
        if tag in ("dt", "dd", "th", "td", "h1", "h3", "b", "p", "summary"):
            if tag in ("th", "td"):
                self.cell = {"text": "", "b": None,
                             "class": words.get("class")}
            if tag != "b":
                self.text = ""
            else:
                self.bold = ""
        if tag == "tr":
            self.cells = []
        if tag == "small":
            self.text += " "

    def handle_endtag(self, tag):
        if tag in ("meta", "link", "wbr"):
            return
        if tag == "h1":
            self.headline = self.text.split(None, 1)[-1]
        elif tag == "dt":
            self.term = self.text
        elif tag == "dd" and self.inside("dl", "facts"):
            self.facts[self.term] = self.text
        elif tag == "b" and self.cell is not None:
            self.cell["b"] = self.bold
        elif tag in ("th", "td") and self.cells is not None:
            self.cell["text"] = self.text
            self.cells.append(self.cell)
            self.cell = None
        elif tag == "tr" and self.inside("table", "matrix") and \
                not self.inside("table", "atlas"):
            if self.inside("thead"):
                self.heads = [c["text"] for c in self.cells]
            else:
                self.matrix.append((self.path[-1][1], self.cells))
        elif tag == "h3" and self.inside("article", "diagnosis"):
            self.kernel = self.text.split()[-1]
        elif tag == "summary" and self.inside("article", "finding"):
            self.findings.append((self.kernel, self.text))
        self.path.pop()

    def handle_data(self, data):
        if self.path and self.path[-1][0] == "script":
            return
        self.text += data
        if self.path and self.path[-1][0] == "b":
            self.bold += data


def load(path):
    """Its records; the last line may have been cut short."""
    records = []
    for line in path.read_text().splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def real(value):
    return math.nan if value is None else float(value)


def agrees(shown, value):
    """Whether a number on the page is the value, rounded as it is shown: to two
    digits below 0.95, three above, and never over to the other side of 1."""
    shown = float(shown.replace(",", ""))
    if math.isnan(value) or math.isinf(value):
        return repr(shown) == repr(value)
    if (shown > 1) != (value > 1):
        return False
    places = 0.051 if value < 0.95 else 0.0051
    return abs(shown - value) <= places * abs(value)


class Sum:
    """Some checks, counted."""
    def __init__(self):
        self.judged = self.wrong = self.out = self.waived = 0
        self.outputs = 0
        self.ratio = math.nan

    def add(self, record):
        verdict = record["verdict"]
        if verdict == "WAIVED": # measured, and no case
            self.waived += 1
            self.outputs += int(record.get("elements", 0))
            return
        if verdict in NOT_JUDGED:
            self.out += 1
            return
        self.judged += 1
        self.wrong += verdict in WRONG
        self.outputs += int(record.get("elements", 0))
        ratio = real(record.get("ratio"))
        if not ratio <= self.ratio and not math.isnan(ratio):
            self.ratio = ratio


def count(text):
    return int(text.replace(",", ""))


def check_page(name, page, records):
    checks = [r for r in records if r["kind"] == "check"]
    seeded = {(r["subject"], r["kernel"])
              for r in checks if r.get("seeded_bug")}
    right, everything = Sum(), Sum()
    kernels = collections.defaultdict(Sum)
    cells = collections.defaultdict(Sum)
    for record in checks:
        key = (record["subject"], record["kernel"])
        everything.add(record)
        if key in seeded:
            continue
        right.add(record)
        kernels[key].add(record)
        cells[key + (record["property"],)].add(record)

    # The verdict.
    failing = sum(k.wrong > 0 for k in kernels.values())
    holds = sum(k.wrong == 0 and k.judged > 0 for k in kernels.values())
    complete = records[-1]["kind"] == "end"
    caught = {(r["subject"], r["kernel"]) for r in checks
              if r.get("seeded_bug") == r["property"]
              and r["verdict"] in WRONG}
    bad = failing or caught != seeded
    expect(page.headline == ("FAIL" if bad else
                             "PASS" if complete else "INCOMPLETE"),
           name, "headline", page.headline)
    facts = page.facts
    found = re.match(r"([\d,]+) of ([\d,]+)", facts["Kernels that hold"])
    expect([count(n) for n in found.groups()] == [holds, len(kernels)],
           name, "kernels", found.group(), [holds, len(kernels)])
    found = re.match(r"([\d,]+) ([\d,]+) wrong(?:, ([\d,]+) waived)?"
                     r"(?:; ([\d,]+) left out)?", facts["Cases judged"])
    expect([count(n or "0") for n in found.groups()] ==
           [everything.judged, right.wrong, everything.waived, everything.out],
           name, "cases", found.group(), everything.judged, right.wrong,
           everything.waived, everything.out)
    if not math.isnan(right.ratio):
        shown = re.match(r"inf|[\d.,]+(e-?\d+)?",
                         facts["Largest error / bound"])
        expect(shown and agrees(shown.group(), right.ratio), name,
               "largest", facts["Largest error / bound"], right.ratio)
    if everything.outputs:
        shown = re.match(r"[\d,]+", facts["Outputs judged"]).group()
        expect(count(shown) == everything.outputs, name, "outputs", shown,
               everything.outputs)
    if seeded:
        shown = re.match(r"([\d,]+) of ([\d,]+)",
                         facts["Planted bugs caught"])
        expect([count(n) for n in shown.groups()] ==
               [len(caught), len(seeded)], name, "planted", shown.group())

    # The matrix: every kernel, every property, and nothing else.
    subject, seen = None, set()
    for words, row in page.matrix:
        if "subject" in words:
            subject = row[0]["text"]
            continue
        for head, cell in zip(page.heads[1:], row[1:], strict=True):
            key = (subject, row[0]["b"], head)
            if not cell["text"]:
                continue
            seen.add(key)
            mine = cells.get(key)
            expect(mine is not None, name, "matrix invents", key)
            if mine is None:
                continue
            expect((cell["class"] == "fail") == (mine.wrong > 0), name,
                   key, cell["text"], mine.wrong)
            expect((cell["class"] == "pass") ==
                   (mine.wrong == 0 and mine.judged > 0), name, key,
                   cell["text"])
            expect((cell["b"] is None) == math.isnan(mine.ratio), name, key,
                   "number", cell["b"], mine.ratio)
            if cell["b"] is not None:
                expect(agrees(cell["b"], mine.ratio), name, key, cell["b"],
                       mine.ratio)
    expect(seen == set(cells), name, "matrix lacks", set(cells) - seen)

    # The findings: each failing kernel and property, with its cases.
    bad = {key: mine for key, mine in cells.items() if mine.wrong > 0}
    shown = {}
    for kernel, line in page.findings:
        found = re.fullmatch(r"✗\xa0\w+ (\w+) ([\d,]+) of ([\d,]+) cases?"
                             r"(?: error / bound (\S+))?", line.strip())
        expect(found, name, "finding", line)
        if not found:
            continue
        key = (kernel, found[1])
        expect(key not in shown, name, "twice", key)
        shown[key] = [count(found[2]), count(found[3])]
        ratio = [m.ratio for k, m in bad.items() if k[1:] == key]
        expect(not ratio or (math.isnan(ratio[0]) if found[4] is None else
                             agrees(found[4], ratio[0])), name, line, ratio)
    expect(shown == {key[1:]: [m.wrong, m.judged] for key, m in bad.items()},
           name, "findings", shown)
    return len(seen)


def main():
    folder = pathlib.Path(sys.argv[1])
    for name in PAGES:
        records = load(folder / f"{name}.jsonl")
        page = Page((folder / f"{name}.html").read_text())
        cells = check_page(name, page, records)
        expect(cells > 0, name, "has no cells")
        print(f"{name}: {len(records)} records, {cells} cells of the matrix")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
