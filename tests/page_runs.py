"""What the HTML page says of several subjects side by side and of two runs,
against the records. Each function takes the section (page_tree.Node) and the
records; `before` are those of the earlier run."""
import collections
import math
import re

import page_tree
from page_sections import numbers, same
from record_numbers import (agrees, count, edge, expect, histogram, is_judged,
                            is_wrong, kernels, largest, ordinary, quantile,
                            ratio, real, told, ulp)

VERDICT_KINDS = ("newly fails", "no longer judged", "fixed")


def atlas_cell(cell, checks, alone, *words):
    judged = [r for r in checks if is_judged(r)]
    bound = largest(map(ratio, judged))
    judged = told(judged, alone)
    if not judged or math.isnan(most := largest(map(ulp, judged))):
        expect(cell.first("b") is None, *words, "of nothing", cell.text)
        return
    text = cell.text
    expect(agrees(cell.first("b").text, most), *words, text, most)
    bins = histogram(judged)
    p99 = quantile(bins, 0.99)
    shown = re.search(r"p99 (over )?(\S+)", text)
    expect((shown is None) == math.isnan(p99), *words, text)
    if shown and math.isinf(p99):
        expect(shown.group(1) and agrees(shown.group(2), edge(61)), *words,
               text)
    elif shown:
        expect(not shown.group(1) and agrees(shown.group(2), min(p99, most)),
               *words, text, p99)
    shown = re.search(r"of bound (\S+)", text)
    expect(math.isnan(bound) or agrees(shown.group(1), bound), *words, text,
           bound)


def rank(cells, alone):
    """(the best, the worst) of {subject: checks}: by p99 where all have one
    that tells them apart; who has a finding is not best."""
    judged = {s: told([r for r in rs if is_judged(r)], alone)
              for s, rs in cells.items()}
    most = {s: largest(map(ulp, rs)) for s, rs in judged.items()}
    most = {s: v for s, v in most.items() if not math.isnan(v)}
    p99 = {s: quantile(histogram(judged[s]), 0.99) for s in most}
    p99 = {s: v if math.isinf(v) else min(v, most[s]) for s, v in p99.items()}
    if not any(map(math.isnan, p99.values())) and len(set(p99.values())) > 1:
        most = p99
    good = {s: v for s, v in most.items()
            if not any(map(is_wrong, cells[s]))}
    low, high = min(good.values(), default=math.nan), \
        max(most.values(), default=math.nan)
    if low == high:
        return set(), set()
    return ({s for s, v in good.items() if v == low},
            {s for s, v in most.items() if v == high})


def compare(section, records):
    table = section.first("table", "atlas")
    subjects = [th.attributes["title"] for th in
                table.first("thead").all("th")[1:]]
    everything, alone = kernels(records), ordinary(records)
    expect(subjects == list(dict.fromkeys(s for s, _ in everything)),
           "side by side", subjects)
    wanted = collections.defaultdict(lambda: collections.defaultdict(list))
    for (subject, _), checks in everything.items():
        for r in checks:
            wanted[f"{r['op']} {r['pass']} {r['dtype']}"][subject].append(r)
    shown = {row.cells[0].text: row for row in page_tree.rows(table)}
    lacking = collections.Counter()
    for k in same(shown, wanted, "side by side"):
        best, worst = rank(wanted[k], alone)
        for subject, cell in zip(subjects, shown[k].cells[1:], strict=True):
            checks = wanted[k].get(subject, [])
            lacking[subject] += not checks
            words = "side by side", k, subject
            expect(bool(checks) == (cell.text != "no kernel"), *words)
            atlas_cell(cell, checks, alone, *words)
            found = {(r["kernel"], r["property"]) for r in checks
                     if is_wrong(r)}
            number = re.search(r"(\d+) findings?", cell.text)
            expect((int(number.group(1)) if number else 0) == len(found),
                   *words, "findings", len(found))
            marks = cell.text.split()
            expect(("best" in marks) == (subject in best) and
                   ("worst" in marks) == (subject in worst), *words, best,
                   worst)
    lacks = {item.first("b").text: [count(n) for n in re.search(
        r"for ([\d,]+) of ([\d,]+)", item.text).groups()]
        for item in section.all("li")}
    expect(sorted(lacks.values()) == sorted(
        [n, len(wanted)] for n in lacking.values() if n), "side by side",
        lacks, lacking)


def step(before, now):
    """1, -1, 0: beyond a quarter of an ulp and of the error itself."""
    small, large = min(before, now), max(before, now)
    if math.isnan(before) or math.isnan(now) or \
            not (large - small > 0.25 and large > 1.25 * small):
        return 0
    return 1 if now > before else -1


def fate(before, now):
    """The words for what became of a check, or None; of the verdict first."""
    if is_wrong(now) and not is_wrong(before):
        return "newly fails"
    if is_judged(before) and not is_judged(now):
        return "no longer judged"
    if is_wrong(before) and not is_wrong(now):
        return "fixed"
    if not (is_judged(before) and is_judged(now)):
        return None
    known = not (math.isnan(ulp(before)) or math.isnan(ulp(now)))
    size = ulp if known else ratio
    return {1: "less accurate", -1: "more accurate", 0: None}[
        step(size(before), size(now))]


def changes(before, now):
    """{(subject, kernel, property): Counter of fates}, pairs, and sums of the rest."""
    by_id = collections.defaultdict(lambda: ([], []))
    for which, records in enumerate((before, now)):
        for r in records:
            if r["kind"] == "check":
                by_id[r["subject"], r["kernel"], r["property"],
                      r["id"]][which].append(r)
    rows = collections.defaultdict(collections.Counter)
    pairs = collections.defaultdict(list)
    total = collections.Counter()
    for (*row, _), (earlier, later) in by_id.items():
        total["Only in this run"] += max(len(later) - len(earlier), 0)
        total["Only in the earlier"] += max(len(earlier) - len(later), 0)
        row = tuple(row)
        for a, b in zip(earlier, later):
            pairs[row].append((a, b))
            rows[row][fate(a, b)] += 1
            total["as before"] += is_wrong(a) and is_wrong(b)
    for fates in rows.values():
        total.update({k: n for k, n in fates.items() if k})
    return rows, pairs, total


def diff(section, records, before):
    rows, pairs, total = changes(before, records)
    lead = next(p.text for p in section.all("p") if "checks that both" in
                p.text)
    expect(count(numbers(lead)[0]) == sum(map(len, pairs.values())),
           "changes", lead)
    facts = {dt.text.lower(): count(dd.text) for dt, dd in
             zip(section.all("dt"), section.all("dd"))}
    wanted = {k.lower(): n for k, n in total.items() if n}
    # "Newly fails" of one, "Newly fail" of more.
    facts = {re.sub(r"^newly fail$", "newly fails", re.sub(
        r"^fails? as before$", "as before", k)): n for k, n in facts.items()}
    expect(facts == wanted, "changes", facts, wanted)
    shown = {(row["Kernel"].first("small").text, row["Kernel"].text.split()[0],
              row["Property"].text): row
             for row in page_tree.rows(section.first("table", "changes"))}
    moved = {k: row for k, row in rows.items() if any(row.keys() - {None})}
    order = VERDICT_KINDS + ("less accurate", "more accurate")
    last = 0
    for k in same(shown, moved, "changes"):
        row = shown[k]
        kind = next(w for w in order if moved[k][w])
        expect(row["Change"].text.split(None, 1)[1] == kind, "changes", k,
               row["Change"].text, kind)
        numbers_ = [count(n) for n in row["Checks"].text.split(" of ")]
        expect(numbers_ == [moved[k][kind], len(pairs[k])], "changes", k,
               numbers_)
        both = [(a, b) for a, b in pairs[k] if is_judged(a) and is_judged(b)]
        known = [(a, b) for a, b in both
                 if not math.isnan(ulp(a)) and not math.isnan(ulp(b))]
        for head, field, of in (("Error, ulp", "error_ulp", known),
                                ("Error / bound", "ratio", both)):
            values = [largest(real(p[i].get(field)) for p in of)
                      for i in (0, 1)]
            text = numbers(row[head].text)
            expect(not text if any(map(math.isnan, values)) else
                   len(text) == 2 and all(map(agrees, text, values)),
                   "changes", k, head, text, values)
    for row in shown.values():
        at = order.index(row["Change"].text.split(None, 1)[1])
        expect(at >= last, "changes: order", at, last)
        last = at
