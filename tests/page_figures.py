"""The figures of the HTML page against its records: counted again from the
lines of records.jsonl by code that shares nothing with reports/.

page_figures.py PAGES RUNS: of the pages that page_records.py left in the one
folder, report_runs.py in the other."""
import collections
import math
import pathlib
import re
import sys

import page_panels
import page_runs
import page_sections
import page_tree
from record_numbers import (NOT_JUDGED, WRONG, agrees, count, expect, faults,
                            load, real)
from report_runs import NAMES

PAGES = ("passing", "failing", "worker", "joined", "incomplete", "adopted",
         "compared")


class Sum:
    """Some checks, counted."""
    def __init__(self):
        self.judged = self.wrong = self.out = self.waived = 0
        self.outputs = 0
        self.ratio = math.nan

    def add(self, record):
        verdict = record["verdict"]
        self.outputs += int(record.get("elements", 0))
        if verdict == "WAIVED":
            self.waived += 1
            return
        if verdict in NOT_JUDGED:
            self.out += 1
            return
        self.judged += 1
        self.wrong += verdict in WRONG
        ratio = real(record.get("ratio"))
        if not ratio <= self.ratio and not math.isnan(ratio):
            self.ratio = ratio


def check_page(name, page, records):
    """The verdict, its facts, the matrix and the findings."""
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
    headline = page["verdict"].first("h1").text.split(None, 1)[-1]
    expect(headline == ("FAIL" if bad else
                        "PASS" if complete else "INCOMPLETE"),
           name, "headline", headline)
    facts = page["verdict"].first("dl", "facts")
    facts = {dt.text: dd.text for dt, dd in
             zip(facts.all("dt"), facts.all("dd"))}
    found = re.match(r"([\d,]+) of ([\d,]+)", facts["Kernels that hold"])
    expect([count(n) for n in found.groups()] == [holds, len(kernels)],
           name, "kernels", found.group(), [holds, len(kernels)])
    found = re.match(r"([\d,]+) ([\d,]+) wrong(?:, ([\d,]+) waived)?"
                     r"(?:; ([\d,]+) left out)?", facts["Cases judged"])
    expect([count(n or "0") for n in found.groups()] ==
           [everything.judged, right.wrong, everything.waived,
            everything.out],
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
                         facts["Seeded bugs caught"])
        expect([count(n) for n in shown.groups()] ==
               [len(caught), len(seeded)], name, "seeded", shown.group())

    scores = [r for r in records if r["kind"] == "score"]
    if scores:
        shown = re.match(r"([\d,]+) of ([\d,]+)", facts["Kill score"])
        expect([count(n) for n in shown.groups()] ==
               [sum(r["verdict"] in WRONG for r in scores), len(scores)],
               name, "kill score", shown.group())
    anchors = check_matrix(name, page["matrix"], cells)
    check_findings(name, page["findings"], anchors, cells, checks)
    return len(cells)


def check_matrix(name, section, cells):
    """Every kernel, every property, and nothing else; {key: its link}."""
    anchors, seen = {}, set()
    for row in page_tree.rows(section.first("table")):
        for head, cell in list(row.by_head.items())[1:]:
            key = (row.subject, row.name, head)
            if not cell.text:
                continue
            seen.add(key)
            mine = cells.get(key)
            expect(mine is not None, name, "matrix invents", key)
            if mine is None:
                continue
            expect(("fail" in cell.classes) == (mine.wrong > 0), name,
                   key, cell.text, mine.wrong)
            expect(("pass" in cell.classes) ==
                   (mine.wrong == 0 and mine.judged > 0), name, key,
                   cell.text)
            number, link = cell.first("b"), cell.first("a")
            expect((number is None) == math.isnan(mine.ratio), name, key,
                   "number", cell.text, mine.ratio)
            if number is not None:
                expect(agrees(number.text, mine.ratio), name, key,
                       number.text, mine.ratio)
            counts = re.findall(r"(\d+) (cases?|wrong)",
                                cell.attributes.get("title", ""))
            counts = {word.rstrip("s"): int(n) for n, word in counts}
            if mine.judged:
                expect(counts.get("case") == mine.judged and
                       counts.get("wrong", 0) == mine.wrong, name, key,
                       counts, mine.judged, mine.wrong)
            if link is not None:
                anchors[key] = link.attributes["href"].removeprefix("#")
    expect(seen == set(cells), name, "matrix lacks", set(cells) - seen)
    return anchors


def check_findings(name, section, anchors, cells, checks):
    """Each failing kernel and property, with its cases and the numbers of one
    of them."""
    wrong = collections.defaultdict(dict)
    for record in checks:
        if record["verdict"] in WRONG:
            key = record["subject"], record["kernel"], record["property"]
            wrong[key][record["id"]] = record
    bad = {key for key, mine in cells.items() if mine.wrong > 0}
    articles = {}
    for article in section.all("article", "finding"):
        for node in [article] + article.all():
            articles.setdefault(node.attributes.get("id"), article)
    expect(set(anchors) == bad, name, "findings", bad ^ set(anchors))
    for key in bad & set(anchors):
        article, mine = articles.get(anchors[key]), cells[key]
        expect(article is not None, name, "no finding of", key)
        if article is None:
            continue
        numbers = re.search(r"([\d,]+) of ([\d,]+) case", article.text)
        expect([count(n) for n in numbers.groups()] ==
               [mine.wrong, mine.judged], name, key, numbers.group())
        record = next((wrong[key][n.text] for n in article.all("code")
                       if n.text in wrong[key]), None)
        expect(record is not None, name, key, "names no failing check")
        table = article.first("table", "numbers")
        if record is not None and table is not None:
            check_worst(name, table, record)


def check_worst(name, table, record):
    """The table of a finding's worst output."""
    fields = {"bound": "bound", "ratio": "ratio", "ulp": "error_ulp"}
    exact = {"x": "x", "got": "got", "exact": "exact", "rounded": "rounded"}
    for row in page_tree.rows(table):
        term = row.cells[0].children[0]
        decimal, hexadecimal = (cell.text for cell in row.cells[1:])
        if term in exact:
            value = real(record[exact[term]])
            expect(hexadecimal == "" or math.isnan(value) or
                   float.fromhex(hexadecimal) == value, name, term,
                   hexadecimal, value)
            expect(math.isnan(value) or math.isclose(
                float(decimal), value, rel_tol=1e-8) or
                float(decimal) == value, name, term, decimal, value)
        else:
            expect(agrees(decimal, real(record.get(fields[term]))), name,
                   term, decimal, record.get(fields[term]))
    numbers = re.search(r"\[(\d+)\]\[(\d+)\].*?([\d,]+) of ([\d,]+) outputs",
                        table.first("caption").text)
    if "wrong" in record:
        expect([count(n) for n in numbers.groups()] ==
               [int(record.get(f, 0)) for f in ("worst_set", "worst_element",
                                                "wrong", "elements")],
               name, numbers.group(), record["id"])


def section_checks():
    """{section: what counts its figures again}"""
    found = {"range": page_panels.range_, "compare": page_runs.compare}
    for module, names in (
            (page_sections, ("errors", "accuracy", "growth", "kill_score",
                             "seeded", "waivers", "baseline", "provenance")),
            (page_panels, ("gradients", "running", "distribution",
                           "determinism"))):
        found.update({name: getattr(module, name) for name in names})
    return found


def check_sections(sections, records, before):
    """Returns which sections have figures that were counted again."""
    whole = page_tree.Node("page")
    whole.children = list(sections.values())
    page_sections.proofs(whole, records)
    checks = section_checks()
    seen = [name for name in sections if name in checks]
    for name in seen:
        checks[name](sections[name], records)
    if before is not None:
        page_runs.diff(sections["diff"], records, before)
        seen.append("diff")
    return seen


def main():
    folders = [pathlib.Path(word) for word in sys.argv[1:3]]
    seen = set()
    for folder, name in ([(folders[0], name) for name in PAGES] +
                         [(folders[1], name) for name in NAMES]):
        records = load(folder / f"{name}.jsonl")
        text = (folder / f"{name}.html").read_text()
        page = page_tree.read(text)
        cells = check_page(name, page, records)
        expect(cells > 0, name, "has no cells")
        earlier = folder / f"{name}.before.jsonl"
        counted = [] if folder is folders[0] else check_sections(
            page, records,
            load(earlier) if earlier.exists() else None)
        seen.update(counted)
        print(f"{name}: {len(records)} records, {cells} cells of the matrix,",
              *counted)
    expect(seen == {*section_checks(), "diff"}, "no run has",
           {*section_checks(), "diff"} - seen)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
