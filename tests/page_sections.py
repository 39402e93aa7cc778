"""What the sections of the HTML page say of whole runs, against the records:
errors, families, sweeps, ranges, scores, waivers, baselines, provenance. Each
function takes the section (page_tree.Node) and the records."""
import collections
import math
import re

import page_tree
from record_numbers import (agrees, columns, count, edge, expect, histogram,
                            is_judged, is_wrong, kernels, largest, of,
                            ordinary, quantile, ratio, real, told, ulp)

NUMBER = r"-?(?:inf|nan|[\d.,]+(?:e-?\d+)?)"


def numbers(text):
    """All numbers in the words of a cell."""
    return re.findall(NUMBER, re.sub(r"[^\x00-\x7f]", " ", text))


def key(row):
    return row.subject, row.name


def same(shown, wanted, *words):
    """The keys of two dicts; returns those in both."""
    expect(set(shown) == set(wanted), *words, "differ in",
           sorted(map(str, set(shown) ^ set(wanted)))[:5])
    return [k for k in wanted if k in shown]


def proofs(section, records):
    """The verdict's table of how the roundings were proved."""
    fields = {"double words": "proved_double_word", "MPFR": "proved_mpfr",
              "binary128": "proved_binary128", "integers": "proved_exact",
              "table": "proved_table", "undecided": "undecided"}
    checks = [r for r in records if r["kind"] == "check"]
    sums = {name: sum(int(r.get(field, 0)) for r in checks)
            for name, field in fields.items()}
    table = section.first("table", "proofs")
    shown = {row.name: row for row in page_tree.rows(table)} if table else {}
    if not sum(sums.values()):
        expect(not shown, "proofs of nothing")
        return
    for name in same(shown, sums, "proofs"):
        row = shown[name]
        share = float(row["Share"].text.rstrip("% "))
        expect(count(row["Outputs"].text) == sums[name], "proofs", name)
        expect(math.isclose(share, 100 * sums[name] / sum(sums.values()),
                            rel_tol=6e-4), "proofs", name, "share", share)


def quantile_is(cell, bins, part, *words):
    value, text = quantile(bins, part), cell.text
    if math.isinf(value):
        expect(text.startswith(">"), *words, text)
        value = edge(61)
    else:
        expect(text.startswith("≤") == (value > 0), *words, text)
    expect(agrees(numbers(text)[0], value), *words, text, value)


def errors(section, records):
    alone = ordinary(records)
    wanted = {k: told(checks, alone) for k, checks in kernels(records).items()}
    wanted = {k: checks for k, checks in wanted.items() if histogram(checks)}
    expect(("normal inputs" in section.first("p").text) == alone, "errors of",
           alone)
    shown = {key(r): r for r in page_tree.rows(section.first("table"))}
    for k in same(shown, wanted, "errors"):
        row, bins = shown[k], histogram(wanted[k])
        total = sum(bins.values())
        quantile_is(row["Median"], bins, 0.5, "errors", k, "median")
        quantile_is(row["p99"], bins, 0.99, "errors", k, "p99")
        most = largest(ulp(r) for r in wanted[k] if r.get("histogram"))
        expect(agrees(numbers(row["Largest"].text)[0], most), "errors", k,
               "largest", row["Largest"].text, most)
        right = sum(n for b, n in bins.items() if edge(b) <= 0.5)
        share = row["Correctly rounded"].text.rstrip("% ")
        if right == total:
            expect(share == "100", "errors", k, share)
        else:
            percent = min(math.floor(1000 * right / total) / 10, 99.9)
            expect(abs(float(share) - percent) < 0.01, "errors", k, share,
                   percent)
        expect(count(row["Outputs"].text) == total, "errors", k, "outputs")
        # The strip: a step for each bin, as tall as its share of the fullest.
        path = row["Outputs by error"].first("path").attributes["d"]
        expect(drawn(path, 24, 63, 3) ==
               [math.ceil(24 * bins[b] / max(bins.values()))
                for b in range(63)], "errors", k, "strip")
    # The inputs of the largest errors, one of each kernel.
    listed = section.first("ul", "inputs")
    listed = [numbers(item.first("b").text)[0] for item in
              listed.all("li")] if listed else []
    most = sorted((m for m in (largest(
        ulp(r) for r in checks if r.get("histogram"))
        for checks in wanted.values()) if not math.isnan(m)), reverse=True)
    expect(len(listed) == min(len(most), 8) and
           all(map(agrees, listed, most)), "errors: inputs", listed, most)


def drawn(path, height, bins, width):
    """The heights of the bars of an outline with absolute H and V."""
    heights, x, y = [], 0, height
    for letter, value in re.findall(r"([HV])(\d+)", path):
        if letter == "H":
            heights += [height - y] * ((int(value) - x) // width)
            x = int(value)
        else:
            y = int(value)
    return heights[:bins]


def accuracy(section, records):
    cells = collections.defaultdict(list)
    for k, checks in kernels(records).items():
        for record in checks:
            if is_judged(record) and record.get("family"):
                cells[k + (record["family"],)].append(record)
    wanted = {k: (largest(map(ulp, rs)), largest(map(ratio, rs)))
              for k, rs in cells.items()}
    wanted = {k: v for k, v in wanted.items()
              if not all(map(math.isnan, v))}
    shown = {}
    for row in page_tree.rows(section.first("table")):
        for head, cell in list(row.by_head.items())[1:]:
            if cell.text:
                shown[key(row) + (head,)] = cell
    for k in same(shown, wanted, "accuracy"):
        cell, (most, bound) = shown[k], wanted[k]
        text = cell.text.split()[0]
        expect(text == "–" if math.isnan(most) else agrees(text, most),
               "accuracy", k, text, most)
        over = cell.first("small")
        expect((over is not None) == (bound > 1), "accuracy", k, bound)
        if over:
            expect(agrees(numbers(over.text)[0], bound), "accuracy", k, bound)
        bar = re.search(r"--r:(\S+)", cell.attributes.get("style", ""))
        expect(math.isnan(bound) or abs(
            float(bar.group(1)) - min(max(bound, 0.01), 1)) <= 0.006,
            "accuracy", k, "bar", bound)


def slope(x, y):
    """Of log y over log x by least squares."""
    points = [(math.log(a), math.log(b)) for a, b in zip(x, y)
              if a > 0 and 0 < b < math.inf]
    if len(points) < 3:
        return math.nan
    middle = [sum(v) / len(points) for v in zip(*points)]
    down = sum((a - middle[0]) ** 2 for a, _ in points)
    return sum((a - middle[0]) * (b - middle[1]) for a, b in points) / down


def growth(section, records):
    """Each sweep once, its points, and exponents that fit them."""
    wanted = collections.Counter()
    for (subject, kernel), checks in kernels(records).items():
        for record in of(checks, "growth"):
            found = columns(record)
            at = found.get("n", found.get("offset"))
            if at and found.get("error"):
                wanted[kernel, subject, is_wrong(record), tuple(zip(
                    at, found["error"], found["bound"]))] += 1
    shown = collections.Counter()
    for figure in section.all("figure"):
        caption = figure.first("figcaption").text
        kernel, subject = caption.removeprefix("✗ ").split(" · ")
        table = figure.first("table")
        points = [tuple(float(c.text) for c in row.cells)
                  for row in page_tree.rows(table)]
        shown[kernel, subject, caption.startswith("✗"), tuple(points)] += 1
        for which, head in enumerate(page_tree.heads(table)[1:], 1):
            fitted = slope([p[0] for p in points], [p[which] for p in points])
            exponent = re.search(r"\^(\S+)$", head)
            expect((exponent is None) == math.isnan(fitted) and
                   (exponent is None or
                    abs(float(exponent.group(1)) - fitted) < 0.0055),
                   "growth", caption, head, fitted)
        legend = [n.text for n in figure.first("p", "legend").all("span")]
        expect(legend == page_tree.heads(table)[1:], "growth", legend)
    expect(shown == wanted, "growth", [k[:3] for k in (shown - wanted)],
           [k[:3] for k in (wanted - shown)])


def kill_score(section, records):
    wanted = collections.defaultdict(lambda: [0, 0])
    scores = [r for r in records if r["kind"] == "score"]
    for r in scores:
        of_class = wanted[r.get("op", "–"), r.get("pass", ""),
                          r.get("dtype", "")]
        of_class[0] += is_wrong(r)
        of_class[1] += 1
    classes, bugs = section.all("table")[:2]
    shown = {tuple(c.text for c in row.cells[:3]):
             [count(c.text) for c in row.cells[3:]]
             for row in page_tree.rows(classes)}
    expect(shown == dict(wanted), "kill score", shown, dict(wanted))
    seen = collections.Counter((row.cells[0].text, row.cells[1].text,
                                "caught" in row.cells[2].text)
                               for row in page_tree.rows(bugs))
    expect(seen == collections.Counter(
        (r["subject"], r["kernel"], is_wrong(r)) for r in scores),
        "kill score: bugs")


def seeded(section, records):
    wanted = kernels(records, seeded=True)
    shown = {key(row): row for row in page_tree.rows(section.first("table"))}
    for k in same(shown, wanted, "seeded bugs"):
        row, name = shown[k], wanted[k][0]["seeded_bug"]
        named = [r for r in of(wanted[k], name) if is_judged(r)]
        expect(row["Failing cases"].text ==
               (f"{sum(map(is_wrong, named))} of {len(named)}" if
                of(wanted[k], name) else "not run"), "seeded bug", k)
        most = largest(map(ratio, named))
        text = row["Error / bound"].text
        expect(text == "" if math.isnan(most) else agrees(text, most),
               "seeded bug", k, text, most)
        also = {r["property"] for r in wanted[k]
                if is_wrong(r) and r["property"] != name}
        expect(set(row["Also failed"].text.split(", ")) ==
               (also or {"nothing else"}), "seeded bug", k, also)


def waivers(section, records):
    """A waiver's cases, counted again from the checks that name its reason."""
    wanted = [r for r in records if r["kind"] == "waiver"]
    waived = collections.Counter(r.get("waiver") for r in records
                                 if r["kind"] == "check" and
                                 r["verdict"] == "WAIVED")
    shown = list(page_tree.rows(section.first("table")))
    expect(len(shown) == len(wanted), "waivers", len(shown), len(wanted))
    for row in shown:
        reason = row["Reason"].text
        mine = next((r for r in wanted if r["waiver"] == reason), None)
        expect(mine is not None, "waivers invents", reason)
        state = row["State"].text.split()[-1]
        cases = count(row["Cases"].text)
        expect(mine and state == mine["state"] and
               cases == int(mine.get("cases", 0)), "waiver", reason, state)
        expect(state != "used" or cases == waived[reason] > 0, "waiver",
               reason, cases, waived[reason])
        expect(mine and row["Until"].text == mine.get("expires", "no end"),
               "waiver", reason, row["Until"].text)


def baseline(section, records):
    entries = [r for r in records if r["kind"] == "baseline"]
    moved = [r for r in entries if r["state"] != "unchanged"]
    states = collections.Counter(r["state"] for r in moved)
    kept = sum(int(r.get("entries", 0)) for r in entries
               if r["state"] == "unchanged")
    first = section.first("p").text
    for state, words in (("worse", "worse"), ("better", "better"),
                         ("new", "new"), ("gone", "gone")):
        found = re.search(r"([\d,]+) " + words + r"\b(?! and accepted)", first)
        expect(count(found.group(1) if found else "0") == states[state],
               "baseline", first, state, states[state])
    found = re.search(r"([\d,]+) as before", first)
    expect(count(found.group(1) if found else "0") == kept, "baseline", first,
           kept)
    table = section.first("table")
    shown = list(page_tree.rows(table)) if table else []
    expect(len(shown) == len(moved), "baseline", len(shown), len(moved))
    checks = kernels(records)
    for row in shown:
        mine = next(r for r in moved if r["kernel"] == row.name and
                    r["property"] == row["Property"].text)
        expect(row["State"].text.split()[-1] == mine["state"], "baseline",
               row.name, row["State"].text)
        for head, field in (("Largest error", "error_ulp"),
                            ("p99", "p99_ulp"),
                            ("Error / bound", "ratio")):
            pair = numbers(row[head].text.replace("–", ""))
            values = [real(mine.get(field)), real(mine.get(
                "baseline_" + field))]
            values = [v for v in values if not math.isnan(v)]
            expect(len(pair) == len(values) and
                   all(map(agrees, pair, values)), "baseline", row.name, head,
                   pair, values)
        judged = [r for (_, name), rs in checks.items() if name == row.name
                  for r in of(rs, mine["property"])
                  if is_judged(r) or r["verdict"] == "WAIVED"]
        if mine["state"] in ("worse", "better", "new"):
            most = largest(map(ulp, judged))
            expect(math.isclose(ulp(mine), most, rel_tol=1e-5), "baseline",
                   row.name, ulp(mine), "is not the largest", most)


def provenance(section, records):
    runs = [r for r in records if r["kind"] == "run"]
    lists = section.all("dl", "run")
    expect(len(lists) == len(runs), "provenance", len(lists), len(runs))
    for shown, run in zip(lists, runs):
        facts = {t.text: d.text for t, d in zip(shown.all("dt"),
                                                shown.all("dd"))}
        for term, field in (("Command", "command"), ("Began", "time"),
                            ("Profile", "profile"), ("Seed", "seed"),
                            ("normgate", "version"), ("Build", "build"),
                            ("Machine", "machine"), ("Floating", "fpenv"),
                            ("Libraries", "libraries")):
            text = next((v for k, v in facts.items() if k.startswith(term)),
                        None)
            expect(text == str(run[field]) if field in run else True,
                   "provenance", term, text)
        after = records[records.index(run) + 1:]
        end = next((r for r in after if r["kind"] in ("run", "end")), run)
        if end["kind"] == "end":
            expect(facts.get("Exit code") == str(end.get("exit_code", 0)) and
                   abs(float(facts["Took"].split()[0]) -
                       end["seconds"]) <= 0.051, "provenance", facts)
