"""Records and their numbers for the tests of reports, read and added up by code
that shares nothing with reports/."""
import collections
import json
import math

WRONG = {"FAIL", "CRASH", "HANG", "REFUSED", "ERROR"}
NOT_JUDGED = {"SKIP", "UNSUPPORTED", "WAIVED"}
faults = []


def expect(holds, *words):
    if not holds:
        faults.append(words)
        print("FAIL:", *words)


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


def count(text):
    return int(text.replace(",", ""))


def agrees(shown, value):
    """Whether a number on the page is the value, rounded as it is shown: to two
    digits below 0.95, three above, and never over to the other side of 1."""
    shown = float(shown.replace(",", ""))
    if math.isnan(value) or math.isinf(value):
        return repr(shown) == repr(value)
    size = abs(value)
    if (abs(shown) > 1) != (size > 1) or (shown < 0) != (value < 0):
        return False
    places = 0.051 if size < 0.95 else 0.0051
    return abs(shown - value) <= places * size


def largest(values):
    """The largest that is a number; NaN of none."""
    return max((v for v in values if not math.isnan(v)), default=math.nan)


def is_wrong(record):
    return record["verdict"] in WRONG


def is_judged(record):
    return record["verdict"] not in NOT_JUDGED


def ratio(record):
    return real(record.get("ratio"))


def ulp(record):
    return real(record.get("error_ulp"))


def columns(record):
    """{name: its numbers}"""
    found = {}
    for part in record.get("columns", "").split("; "):
        name, gap, values = part.partition("=")
        if gap:
            found[name] = [float(v) for v in values.split()]
    return found


def histogram(records):
    """{bin: outputs}, added up."""
    bins = collections.Counter()
    for record in records:
        for part in record.get("histogram", "").split():
            number, outputs = part.split(":")
            bins[int(number)] += int(outputs)
    return bins


def ordinary(records):
    """Whether errors in ulp are told of normal inputs alone."""
    return any(r["kind"] == "check" and r.get("histogram") and is_ordinary(r)
               for r in records)


def is_ordinary(record):
    return (record.get("family"), record["property"]) == ("normal", "accuracy")


def told(checks, alone):
    """Those whose errors in ulp are told."""
    return [r for r in checks if is_ordinary(r)] if alone else checks


def edge(number):
    """The largest error of a bin: 0, 1/64, then two bins a binade to 2^24."""
    if number == 0:
        return 0.0
    if number > 61:
        return math.inf
    return 2.0 ** (-6 + (number - 1) // 2) * (1.0 if number % 2 else 1.5)


def quantile(bins, part):
    """The least edge that this part of the outputs does not exceed."""
    left = part * sum(bins.values())
    for number in sorted(bins):
        left -= bins[number]
        if left <= 0:
            return edge(number)
    return math.nan


def kernels(records, seeded=False):
    """{(subject, kernel): its checks}, in the order of the records."""
    found = collections.defaultdict(list)
    planted = set()
    for record in records:
        if record["kind"] == "check":
            key = record["subject"], record["kernel"]
            found[key].append(record)
            if record.get("seeded_bug"):
                planted.add(key)
    return {key: checks for key, checks in found.items()
            if (key in planted) == seeded}


def of(checks, prop):
    return [r for r in checks if r["property"] == prop]


def worst(records, size=ratio):
    """Wrong before right, then the largest; the first of equals. NaN wins."""
    def weight(record):
        value = size(record)
        return is_wrong(record), math.inf if math.isnan(value) else value
    best = None
    for record in records:
        if best is None or weight(record) > weight(best):
            best = record
    return best
