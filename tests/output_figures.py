"""The numbers in JUnit, Markdown, annotations and the terminal's summary
against the records, counted again, and so against each other.

output_figures.py RUNS: of what report_runs.py left there."""
import collections
import math
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

from page_runs import changes, rank
from record_numbers import (NOT_JUDGED, agrees, count, edge, expect, faults,
                            histogram, is_judged, is_wrong, kernels, largest,
                            load, ordinary, quantile, ratio, told, ulp)
from report_runs import NAMES


class Facts:
    """What the records say, in numbers."""
    def __init__(self, records):
        self.records = records
        self.complete = records[-1]["kind"] == "end"
        self.right = kernels(records)
        self.seeded = kernels(records, seeded=True)
        checks = [r for r in records if r["kind"] == "check"]
        right = [r for rs in self.right.values() for r in rs]
        self.cases = sum(map(is_judged, checks))
        self.wrong = sum(map(is_wrong, right))
        self.waived = sum(r["verdict"] == "WAIVED" for r in checks)
        self.left_out = sum(r["verdict"] in NOT_JUDGED
                            for r in checks) - self.waived
        self.outputs = sum(int(r.get("elements", 0)) for r in checks)
        self.ratio = largest(ratio(r) for r in right if is_judged(r))
        self.passing = sum(any(map(is_judged, rs)) and
                           not any(map(is_wrong, rs))
                           for rs in self.right.values())
        self.cells = collections.defaultdict(list)
        for key, rs in self.right.items():
            for r in rs:
                self.cells[key + (r["property"],)].append(r)
        self.failing = {k for k, rs in self.cells.items()
                        if any(map(is_wrong, rs))}
        self.survivors = {k for k, rs in self.seeded.items() if not any(
            is_wrong(r) and r["property"] == r["seeded_bug"] for r in rs)}
        self.worse = [r for r in records
                      if r["kind"] == "baseline" and is_wrong(r)]
        self.findings = len(self.failing) + len(self.worse) + \
            self.complete * len(self.survivors)
        self.scores = [r for r in records if r["kind"] == "score"]


def counts(node):
    return [int(node.get(k, 0)) for k in ("tests", "failures", "errors")]


def suite(facts, key):
    """[tests, failures + errors, skipped] of a kernel."""
    if key in facts.seeded:
        return [1, int(key in facts.survivors), 0]
    shapes = collections.defaultdict(list)
    for r in facts.right[key]:
        shapes[r["property"], r["op"], r["pass"], r["dtype"]].append(r)
    return [len(shapes),
            sum(any(map(is_wrong, rs)) for rs in shapes.values()),
            sum(not any(map(is_judged, rs)) for rs in shapes.values())]


def junit(name, text, facts):
    root = xml.fromstring(text)
    total = collections.Counter()
    keys = {f"{s} {k}": (s, k) for s, k in {**facts.right, **facts.seeded}}
    seen = []
    for node in root:
        tests, failures, errors = counts(node)
        skipped = int(node.get("skipped"))
        cases = node.findall("testcase")
        expect([tests, failures, errors, skipped] ==
               [len(cases)] + [sum(c.find(tag) is not None for c in cases)
                               for tag in ("failure", "error", "skipped")],
               name, node.get("name"), "is not what it counts")
        total.update(tests=tests, failures=failures, errors=errors)
        if node.get("name") != "normgate":
            seen.append(node.get("name"))
            key = keys.get(node.get("name"))
            expect(key and [tests, failures + errors, skipped] ==
                   suite(facts, key), name, node.get("name"), tests, failures,
                   errors, skipped, key and suite(facts, key))
            properties = collections.defaultdict(list)
            for case in cases:
                words = case.find("failure")
                numbers = re.match(r"(\d+) of (\d+) cases", words.text.strip(
                )) if words is not None and words.text else None
                if numbers:
                    prop = case.get("name").split()[0]
                    properties[prop].append([int(n) for n in
                                             numbers.groups()])
            for prop, found in properties.items():
                rs = facts.cells[key + (prop,)]
                expect([sum(c) for c in zip(*found)] ==
                       [sum(map(is_wrong, rs)), sum(map(is_judged, rs))],
                       name, key, prop, found)
    expect(sorted(seen) == sorted(keys), name, "suites", set(keys) ^ set(seen))
    expect(counts(root) == [total[k] for k in ("tests", "failures",
                                               "errors")], name, "totals")
    # Of the run itself: that it ended, and that nothing is worse.
    other = [n for n in root if n.get("name") == "normgate"]
    compared = any(r["kind"] == "baseline" for r in facts.records)
    expect(len(other) == compared + (not facts.complete) and
           sum(sum(counts(n)[1:]) for n in other) ==
           bool(facts.worse) + (not facts.complete), name, "suites of the run")


def number(pattern, text, *words):
    found = re.search(pattern, text)
    expect(found, *words, "has no", pattern)
    return [count(n) if re.fullmatch(r"[\d,]+", n) else n
            for n in found.groups()] if found else []


def plain(text):
    """A cell of Markdown without what escapes it."""
    text = re.sub(r"&#(\d+);", lambda m: chr(int(m.group(1))), text)
    return re.sub("<[^>]*>", "", text.replace("\u200b", "")).strip()


def tables(text):
    """[[cells of a row], ...] of every row of every table."""
    return [[plain(c) for c in line.strip(" |").split(" | ")]
            for line in text.splitlines() if line.startswith("| ")]


def waived(checks):
    count = sum(r["verdict"] == "WAIVED" for r in checks)
    return f" ({count} waived)" if count else ""


def markdown(name, text, facts):
    expect(number(r"\n([\d,]+) of ([\d,]+) kernels? pass(?:es)?, ([\d,]+) "
                  r"cases, ([\d,]+) outputs", text, name) ==
           [facts.passing, len(facts.right), facts.cases, facts.outputs],
           name, "markdown: verdict")
    shown = re.search(r"largest error/bound \*\*(\S+)\*\*", text)
    expect(agrees(shown.group(1), facts.ratio), name, "markdown: ratio")
    if facts.findings:
        expect(number(r"### Findings \(([\d,]+)\)", text, name) ==
               [facts.findings], name, "markdown: findings", facts.findings)
    else:
        expect("### Findings" not in text, name, "markdown: no findings")
    rows = [r for r in tables(text) if r[0][:1] in "✅❌⚠" and len(r) == 8]
    wanted = sorted([k, str(sum(map(is_judged, rs))),
                     str(sum(map(is_wrong, rs))) + waived(rs)]
                    for (_, k), rs in facts.right.items())
    expect(sorted([r[0].split()[-1]] + [c.replace(",", "") for c in r[2:4]]
                  for r in rows) == wanted, name, "markdown: kernels")
    if facts.seeded:
        expect(number(r"([\d,]+) of ([\d,]+) seeded bugs caught", text,
                      name) == [len(facts.seeded) - len(facts.survivors),
                                len(facts.seeded)], name, "seeded")
    if facts.scores:
        expect(number(r"Kill score ([\d,]+) of ([\d,]+)", text, name) ==
               [sum(map(is_wrong, facts.scores)), len(facts.scores)], name)


def markdown_compare(name, text, facts):
    subjects = list(dict.fromkeys(s for s, _ in facts.right))
    if len(subjects) < 2:
        expect("### Side by side" not in text, name, "compares one")
        return
    alone = ordinary(facts.records)
    part = text.split("### Side by side", 1)[1].split("\n### ")[0]
    part = part.split("\n<details>")[0]
    head, *rows = tables(part)
    expect(len(head) == len(subjects) + 1, name, "side by side", head)
    wanted = collections.defaultdict(lambda: collections.defaultdict(list))
    for (subject, _), checks in facts.right.items():
        for r in checks:
            wanted[f"{r['op']} {r['pass']} {r['dtype']}"][subject].append(r)
    expect(sorted(r[0] for r in rows) == sorted(wanted), name, "rows")
    for title, *cells in rows:
        best, worst = rank(wanted[title], alone)
        for subject, cell in zip(subjects, cells, strict=True):
            checks = wanted[title].get(subject, [])
            expect(("no kernel" in cell) == (not checks), name, cell)
            judged = told([r for r in checks if is_judged(r)], alone)
            most = largest(map(ulp, judged))
            if not math.isnan(most):
                expect(agrees(cell.split(",")[0], most), name, title, cell,
                       most)
                check_p99(name, title, cell, judged, most)
            found = {(r["kernel"], r["property"]) for r in checks
                     if is_wrong(r)}
            shown = re.search(r"(\d+) finding", cell)
            expect((int(shown.group(1)) if shown else 0) == len(found), name,
                   title, cell, len(found))
            expect(("best" in cell) == (subject in best) and
                   ("worst" in cell) == (subject in worst), name, title, cell)


def check_p99(name, title, cell, judged, most):
    p99 = quantile(histogram(judged), 0.99)
    shown = re.search(r"p99 (over )?([^\s,]+)", cell)
    over = math.isinf(p99)
    expect(shown and bool(shown.group(1)) == over and agrees(
        shown.group(2), edge(61) if over else min(p99, most)), name, title,
        cell, p99)


def adoption(name, text, facts):
    """The sentences on waivers and the baseline, in Markdown or a terminal."""
    states = collections.Counter(
        (r["kind"], r["state"]) for r in facts.records if "state" in r)
    kept = sum(int(r.get("entries", 0)) for r in facts.records
               if r["kind"] == "baseline")
    wanted = {state: n for (kind, state), n in states.items()
              if kind == "waiver" or state != "unchanged"}
    wanted.update({"as before": kept} if kept else {})
    found = {}
    for words in re.findall(r"(?:[Ww]aivers: |[Bb]aseline: )((?:\d+ (?:used|unused"
                            r"|worse|better).*))", text):
        for n, state in re.findall(r"([\d,]+) (used|unused|expired|worse|"
                                   r"better|new|gone|as before)", words):
            found[state] = count(n)
    expect(found == wanted, name, "adoption", found, wanted)
    kernels_ = {k for k, rs in facts.right.items()
                if any(r["verdict"] == "WAIVED" for r in rs)}
    told = re.search(r"([\d,]+) failing cases? of ([\d,]+) kernel", text)
    expect(not told or [count(n) for n in told.groups()] ==
           [facts.waived, len(kernels_)], name, "waived", told and
           told.group(), len(kernels_))


def check_changes(name, text, out, facts, before):
    rows, pairs, total = changes(before, facts.records)
    wanted = {"newly fail": total["newly fails"], "fixed": total["fixed"],
              "no longer judged": total["no longer judged"],
              "less accurate": total["less accurate"],
              "more accurate": total["more accurate"],
              "fail as before": total["as before"],
              "new": total["Only in this run"],
              "gone": total["Only in the earlier"]}
    wanted = {k: n for k, n in wanted.items() if n}
    for where, words in (("markdown", text), ("terminal", out)):
        found = re.search(r"of ([\d,]+) checks in both runs: (.*?)\.?\n",
                          words)
        expect(found and count(found.group(1)) ==
               sum(map(len, pairs.values())), name, where)
        parts = dict(reversed(p.split(" ", 1))
                     for p in found.group(2).split(", "))
        expect({k: count(n) for k, n in parts.items()} == wanted, name, where,
               parts, wanted)
    order = ("newly fails", "no longer judged", "fixed", "less accurate",
             "more accurate")
    table = [r for r in tables(text.split("### Changes")[1].split("\n### ")[0])
             if r[0] != "Change"]
    kinds = [r[0].split(" ", 1)[1] for r in table]
    expect(kinds == sorted(kinds, key=order.index), name, "order")
    shown = sorted((*reversed(r[1].split(" of ")), r[2], k,
                    [count(n) for n in r[3].split(" of ")])
                   for r, k in zip(table, kinds))
    for row in table:
        subject, kernel = reversed(row[1].split(" of "))
        both = [p for p in pairs[subject, kernel, row[2]]
                if all(map(is_judged, p))]
        known = [p for p in both if not any(math.isnan(ulp(r)) for r in p)]
        for cell, size, of in ((row[4], ulp, known), (row[5], ratio, both)):
            values = [largest(size(p[i]) for p in of) for i in (0, 1)]
            expect(cell == "" if any(map(math.isnan, values)) else
                   all(map(agrees, cell.split(" → "), values)), name, row,
                   values)
    moved = sorted((*k, next(w for w in order if row[w]),
                    [row[next(w for w in order if row[w])], len(pairs[k])])
                   for k, row in rows.items() if any(row.keys() - {None}))
    expect(shown == moved, name, "changes", [a for a, b in zip(shown, moved)
                                             if a != b][:3])


def annotations(name, text, facts):
    errors = text.count("::error ")
    room = 10 - (not facts.complete)
    expect(errors == min(facts.findings, room) + (not facts.complete), name,
           "annotations", errors, facts.findings)
    more = re.search(r"::notice [^\n]*::([\d,]+) more", text)
    expect((count(more.group(1)) if more else 0) ==
           max(facts.findings - room, 0), name, "annotations: more")


def terminal(name, text, facts):
    lines = text.split("\nchanges ")[0].split("\nside by side ")[0]
    expect(len(lines.splitlines()) <= 15, name, "terminal: lines")
    expect(number(r"([\d,]+) outputs judged .*?; undecided (\d+); cases "
                  r"waived ([\d,]+), left out ([\d,]+)", text, name) ==
           [facts.outputs, 0, facts.waived, facts.left_out], name, "terminal")
    found = re.findall(r"([\d,]+) of ([\d,]+) (?:correct )?kernels?(?: pass)?"
                       r"   ([\d,]+) cases", text)
    found = [sum(count(n) for n in column) for column in zip(*found)]
    cases = sum(is_judged(r) for rs in facts.right.values() for r in rs)
    expect(found == [facts.passing, len(facts.right), cases], name,
           "terminal: kernels", found)
    more = re.search(r"and ([\d,]+) more finding", text)
    expect((count(more.group(1)) if more else 0) ==
           max(len(facts.failing) - 1, 0), name, "terminal: findings")
    if facts.seeded:
        expect(number(r"([\d,]+) of ([\d,]+) seeded bugs caught", text,
                      name) == [len(facts.seeded) - len(facts.survivors),
                                len(facts.seeded)], name, "terminal: seeded")
    if facts.scores:
        expect(number(r"kill score ([\d,]+) of ([\d,]+)", text, name) ==
               [sum(map(is_wrong, facts.scores)), len(facts.scores)], name)
    shown = re.findall(r"largest error/bound (\S+)", lines.split("\n\n")[0])
    most = largest(float(n) for n in shown)
    expect(agrees(repr(most), facts.ratio), name, "terminal: ratio", shown)
    ends = sum(r.get("seconds", 0) for r in facts.records
               if r["kind"] == "end")
    shown = re.search(r"; ([\d.]+) s\n", text)
    expect((float(shown.group(1)) if shown else 0) == float(
        f"{ends:.1f}" if ends < 10 else f"{ends:.0f}"), name, "seconds", ends)


def standings(name, text, facts):
    subjects = list(dict.fromkeys(s for s, _ in facts.right))
    wanted = {s: [0, 0, 0] for s in subjects}
    rows = collections.defaultdict(lambda: collections.defaultdict(list))
    for (subject, _), checks in facts.right.items():
        for r in checks:
            rows[r["op"], r["pass"], r["dtype"]][subject].append(r)
    for cells in rows.values():
        best, worst = rank(cells, ordinary(facts.records))
        for s, checks in cells.items():
            wanted[s][0] += s in best
            wanted[s][1] += s in worst
            wanted[s][2] += any(map(is_judged, checks))
    shown = {m[0]: [int(n) for n in m[1:]] for m in re.findall(
        r"  (\S+)   best in (\d+), worst in (\d+) of (\d+)", text)}
    expect(shown == (wanted if len(subjects) > 1 else {}), name, "standings",
           shown, wanted)


def main():
    folder = pathlib.Path(sys.argv[1])
    for name in NAMES:
        facts = Facts(load(folder / f"{name}.jsonl"))
        text = {end: (folder / f"{name}.{end}").read_text()
                for end in ("xml", "md", "txt", "out")}
        before = folder / f"{name}.before.jsonl"
        junit(name, text["xml"], facts)
        markdown(name, text["md"], facts)
        markdown_compare(name, text["md"], facts)
        for words in (text["md"].split("### ")[0], text["out"]):
            adoption(name, words, facts)
        annotations(name, text["txt"], facts)
        terminal(name, text["out"], facts)
        if before.exists():
            check_changes(name, text["md"], text["out"], facts, load(before))
        else:
            standings(name, text["out"], facts)
        print(f"{name}: {len(facts.right)} kernels, {facts.cases} cases, "
              f"{facts.findings} findings")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
