"""What the sections of the HTML page say kernel by kernel, against the records:
ranges, gradients, running averages, distributions, determinism. Each function
takes the section (page_tree.Node) and the records."""
import collections
import math
import re

import page_tree
from page_sections import drawn, key, numbers, same
from record_numbers import (agrees, columns, count, expect, is_judged,
                            is_wrong, kernels, largest, of, ratio, worst)

POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def first(found, name):
    return found.get(name, [math.nan])[0]


def names(node):
    """The kernels of a row: the first in bold, the others folded away."""
    subject = node.first("small").text
    found = {(subject, node.first("b").text)}
    more = node.first("details")
    for part in more.all("small") if more else []:
        subject, listed = part.text.rsplit(": ", 1)
        found |= {(subject, name) for name in listed.split(", ")}
    expect(more is None or
           int(numbers(more.first("summary").text)[0]) == len(found) - 1,
           "kernels of a row", len(found))
    return found


# --- the range map -----------------------------------------------------------

def reach(record, found):
    """0 accurate ... 5 wrong; None: the record tells nothing."""
    if is_wrong(record) or record["verdict"] == "WAIVED":
        return 5
    outside = first(found, "outside")
    if outside == 0:
        return 0 if record["verdict"] == "PASS" else None
    if first(found, "infinite") != 0:
        return 4
    if first(found, "zero") == outside:
        return 3
    return 1 if first(found, "error") <= 1 / 64 else 2


def places(checks):
    """{eps: {offset: [(scale, reach, whether all is finite)]}}"""
    found = {}
    for record in of(checks, "range"):
        at = columns(record)
        state = reach(record, at) if at else None
        if state is None:
            continue
        finite = first(at, "infinite") == 0 and not (
            is_wrong(record) and not math.isfinite(float(record["got"])))
        where = tuple(first(at, n) for n in ("eps", "offset", "scale"))
        before = found.get(where, (0, True))
        found[where] = max(before[0], state), before[1] and finite
    strips = collections.defaultdict(lambda: collections.defaultdict(list))
    for (eps, offset, scale), state in sorted(found.items()):
        strips[eps][offset].append((scale,) + state)
    return strips


def longest(strip, good):
    """[begin, end) of the run of most binades; None: there is none."""
    best, begin = None, None
    for i, place in enumerate(strip + [None]):
        if place is not None and good(place):
            begin = i if begin is None else begin
        elif begin is not None:
            wide = strip[i - 1][0] - strip[begin][0]
            if best is None or wide > strip[best[1] - 1][0] - \
                    strip[best[0]][0]:
                best = begin, i
            begin = None
    return best


def limits(strip):
    """What the sentence says of a strip: two limits each, accurate, finite."""
    accurate = longest(strip, lambda p: p[1] == 0)
    finite = longest(strip, lambda p: p[2])
    if accurate:
        begin, end = accurate
        while begin > 0 and strip[begin - 1][2]:
            begin -= 1
        while end < len(strip) and strip[end][2]:
            end += 1
        finite = begin, end
    return [r and (strip[r[0]][0], strip[r[1] - 1][0])
            for r in (accurate, finite)]


def said(phrase, strip):
    """The limits that the words of a sentence give."""
    found = []
    for what in ("accurate", "finite"):
        words = re.search(what + r" (nowhere|throughout|at 2(\S+)|"
                          r"(?:from 2(\S+) )?to 2(\S+))", phrase)
        if not words:
            return None
        ends = [w and int(w.strip(",.;").translate(POWERS))
                for w in words.groups()[1:]]
        found.append({
            "nowhere": None, "throughout": (strip[0][0], strip[-1][0])
        }.get(words.group(1), (ends[0], ends[0]) if ends[0] is not None else
              (strip[0][0] if ends[1] is None else ends[1], ends[2])))
    return found


def check_sentence(text, strips, *words):
    """eps = 1e-05, 0: accurate ..., finite ...; at |mean|/sigma = ... ...."""
    seen = set()
    for line in re.split(r"(?=eps = )", text.split("more places")[0])[1:]:
        head, phrase = line.split(": ", 1)
        near, _, far = phrase.partition("; at |mean|/σ = ")
        for eps in map(float, head.removeprefix("eps = ").split(", ")):
            seen.add(eps)
            strip = sorted(strips[eps].items())
            expect(said(near, strip[0][1]) == limits(strip[0][1]), *words,
                   near, limits(strip[0][1]))
            expect(said(far or near, strip[-1][1]) == limits(strip[-1][1]),
                   *words, far, limits(strip[-1][1]))
            expect(not far or 2.0 ** strip[-1][0] == 2.0 ** int(
                far.split()[0][1:].translate(POWERS)), *words, far)
    expect(seen == set(strips), *words, "eps", seen)


def range_(section, records):
    wanted = {k: places(checks) for k, checks in kernels(records).items()}
    wanted = {k: strips for k, strips in wanted.items() if strips}
    shown = {}
    for figure in section.all("figure"):
        text = figure.first("figcaption").text
        for k in wanted:
            if re.search(rf"(?:^|[\s,]){re.escape(k[1])}(?:$|[\s,])", text) \
                    and k[0] in text:
                shown[k] = figure
    for k in same(shown, wanted, "range"):
        figure, strips = shown[k], wanted[k]
        check_sentence(figure.first("p").text, strips, "range", k)
        states = {p[1] for s in strips.values() for strip in s.values()
                  for p in strip}
        expect({int(n.classes[0][1]) for n in figure.all("path")
                if re.fullmatch("r[0-5]", " ".join(n.classes))} == states,
               "range", k, "states", states)


# --- gradients ---------------------------------------------------------------

def claim(cell, checks, *words):
    found = [(r, columns(r)) for r in checks]
    found = [(r, c) for r, c in found if c.get("residual")]
    if not found:
        expect(cell.first("b") is None, *words, "from nothing")
        return
    at = {id(r): c for r, c in found}
    record = worst([r for r, _ in found], lambda r: first(
        at[id(r)], "residual") / first(at[id(r)], "bound")
        if first(at[id(r)], "bound") else math.inf)
    mine, text = at[id(record)], cell.text
    bound = re.search(r" of (\S+)", text).group(1)
    expect(agrees(cell.first("b").text, first(mine, "residual")), *words,
           text, first(mine, "residual"))
    expect(agrees(bound, first(mine, "bound")), *words, text)
    for name, digits in (("cosine", 6), ("step", 3)):
        shown = re.search(name + r" ([^\s,]+)", text)
        expect((shown is None) == (name not in mine) and (
            shown is None or float(shown.group(1)) ==
            float(f"{mine[name][0]:.{digits}g}")), *words, name, text)
    number = re.search(r"worst of (\d+)|(\d+) check", text)
    expect(int(number.group(1) or number.group(2)) == len(found), *words,
           text, len(found))


def jacobian(cell, checks, *words):
    record = worst([r for r in checks if columns(r).get("singular")])
    if record is None:
        expect("values from" not in cell.text, *words, "from nothing")
        return
    mine = columns(record)
    values = mine["singular"]
    ends = [b.text for b in cell.all("b")]
    expect(agrees(ends[0], values[0]) and agrees(ends[1], values[-1]), *words,
           ends, values)
    # Its rank: how many there are, and how many stand where they may.
    allowed = sum(a <= v <= b for v, a, b in
                  zip(values, mine["least"], mine["most"]))
    counts = re.search(r"(\d+) of (\d+) where", cell.text).groups()
    expect([int(n) for n in counts] == [allowed, len(values)] and
           int(cell.text.split(" values")[0].split()[-1]) == len(values),
           *words, cell.text, allowed)


def gradients(section, records):
    props = ("gradient", "finite_difference", "adjoint", "jacobian")
    wanted = {k: checks for k, checks in kernels(records).items()
              if any(columns(r) for p in props for r in of(checks, p))}
    table = section.first("table", "panel")
    shown = {key(row): row for row in page_tree.rows(table)}
    heads = page_tree.heads(table)
    for k in same(shown, wanted, "gradients"):
        for prop in props:
            head = next(h for h in heads if h.endswith(prop))
            cell, checks = shown[k][head], of(wanted[k], prop)
            if not checks:
                expect(cell.text == "", "gradients", k, prop)
                continue
            wrong = any(map(is_wrong, checks))
            expect(("fail" in cell.classes) == wrong, "gradients", k, prop)
            (jacobian if prop == "jacobian" else claim)(
                cell, checks, "gradients", k, prop)
    for figure in section.all("figure"):
        name, subject = figure.first("figcaption").text.split(", ", 1)
        mine = columns(worst([r for r in of(wanted[subject, name], "jacobian")
                              if columns(r).get("singular")]))
        for i, row in enumerate(page_tree.rows(figure.first("table"))):
            expect([float(c.text) for c in row.cells] ==
                   [i + 1, mine["most"][i], mine["least"][i],
                    mine["singular"][i]], "spectrum", name, i)


# --- running averages ---------------------------------------------------------

def trajectory(checks):
    """The longest; of failing checks where one fails."""
    found = [r for r in checks if columns(r).get("step")]
    return max(found, default=None, key=lambda r: (
        is_wrong(r), len(columns(r)["step"])))


def statistic(cell, mine, name, *words):
    text = cell.text
    expect(float(text.split()[0]) == mine[name][-1], *words, text)
    closed = re.search(r"closed form (\S+)", text).group(1)
    expect(float(closed) == mine["closed_" + name][-1], *words, text)
    off = re.search(r"off by (\S+) of the bound at step (\S+)", text)
    parts = [abs(e) / b if b else math.inf
             for e, b in zip(mine["error_" + name], mine["bound_" + name])]
    expect(off and agrees(off.group(1), max(parts)) and
           float(off.group(2)) == mine["step"][parts.index(max(parts))],
           *words, text, max(parts))


def running(section, records):
    wanted = {k: of(checks, "running") for k, checks in
              kernels(records).items() if trajectory(of(checks, "running"))}
    table = section.first("table", "averages")
    shown = {key(row): row for row in page_tree.rows(table)}
    for k in same(shown, wanted, "running"):
        row, mine = shown[k], columns(trajectory(wanted[k]))
        most = largest(ratio(r) for r in wanted[k] if is_judged(r))
        expect(agrees(row["Largest"].first("b").text, most), "running", k,
               "distance", row["Largest"].text, most)
        expect(float(row["Steps"].text) == mine["step"][-1], "running", k)
        for name in ("mean", "var"):
            statistic(row["Running " + name], mine, name, "running", k, name)
    for figure in section.all("figure"):
        what, name, subject = re.match(
            r"Running (\w+): (.+?), (.+)", figure.first("figcaption").text
        ).groups()
        mine = columns(trajectory(wanted[subject, name]))
        expect([[float(c.text) for c in row.cells] for row in
                page_tree.rows(figure.first("table"))] ==
               [list(p) for p in zip(mine["step"], mine["closed_" + what],
                                     mine[what])], "running", name, what)


# --- distributions ------------------------------------------------------------

def distribution(section, records):
    """Of each kernel normal inputs, the most of them, and the worst failure."""
    wanted = {}
    for k, checks in kernels(records).items():
        found = [r for r in of(checks, "accuracy") if
                 sum(columns(r).get("before_bins", [0])) > 0]
        usual = max((r for r in found if not is_wrong(r)), default=None,
                    key=lambda r: (r.get("family") == "normal",
                                   sum(columns(r)["before_bins"])))
        failing = worst(filter(is_wrong, found))
        for record in (usual, failing):
            if record is not None:
                wanted[k + (is_wrong(record),)] = record
    shown = {}
    for body in section.first("table").all("tbody"):
        lines = [row.all("td") for row in body.all("tr")]
        failing = lines[0][0].first("small") is not None
        for k in names(body.first("th")):
            shown[k + (failing,)] = lines
    for k in same(shown, wanted, "distribution"):
        record, mine = wanted[k], columns(wanted[k])
        back = "backward" in record["pass"]
        expect(shown[k][0][0].text.startswith(record["family"]),
               "distribution", k, "family")
        for line, name, tensor in zip(shown[k], ("before", "after"),
                                      ("dy", "dx") if back else ("x", "y")):
            cells, bins = line[-7:], mine[name + "_bins"]
            expect(cells[0].text == f"{name} {tensor}", "distribution", k)
            path = cells[1].first("path").attributes["d"]
            steps = [32 - int(v) for v in re.findall(r"V(\d+)h", path)]
            expect(steps == [math.ceil(32 * n / max(bins)) for n in bins],
                   "distribution", k, name, "bars")
            expect(all(agrees(c.text, v) for c, v in
                       zip(cells[2:], mine[name], strict=True)),
                   "distribution", k, [c.text for c in cells], mine[name])


# --- determinism --------------------------------------------------------------

def determinism(section, records):
    everything = kernels(records)
    props = ("repeat", "threads", "permutation", "containment", "layouts",
             "call_contract")
    table, seen = section.first("table"), set()
    heads = page_tree.heads(table)
    for row in page_tree.rows(table):
        group = names(row.cells[0])
        expect(not group & seen, "determinism", group & seen, "twice")
        seen |= group
        for prop in props:
            cell = row[next(h for h in heads if h.endswith(prop))]
            checks = [r for k in group for r in of(everything[k], prop)]
            judged = [r for r in checks if is_judged(r)]
            measured = [columns(r) for r in checks]
            calls, differing, compared = (
                sum(int(first(c, n)) for c in measured if c.get("calls"))
                for n in ("calls", "differing", "compared"))
            wrong = sum(map(is_wrong, judged))
            text = cell.text
            expect(("fail" in cell.classes) == (wrong > 0), "determinism",
                   group, prop, wrong)
            if not judged:
                expect(not numbers(text), "determinism", prop, text)
            elif differing:
                found = re.search(r"([\d,]+) of ([\d,]+) outputs", text)
                expect(found and [count(n) for n in found.groups()] ==
                       [differing, compared], "determinism", prop, text,
                       differing, compared)
            elif wrong:
                found = re.search(r"(\d+) of (\d+) case", text)
                expect(found and count(found.group(1)) * len(group) == wrong,
                       "determinism", prop, text, wrong)
            else:
                found = re.search(r"([\d,]+) (call|case)", text)
                expect(found and count(found.group(1)) ==
                       (calls or len(judged)), "determinism", prop, text,
                       calls, len(judged))
    judged = {k for k, checks in everything.items()
              if any(is_judged(r) for p in props for r in of(checks, p))}
    expect(seen == judged, "determinism lacks", judged ^ seen)
