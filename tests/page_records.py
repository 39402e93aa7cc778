"""Record files and their pages, for the tests of the HTML report: real runs of
the built program, and records that only an enemy would write."""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ALERT = "<script>alert(1)</script>"
# Markup, control characters, a line that reads backwards, no character at all.
HOSTILE = (ALERT + "<img src=x onerror=alert(2)>\"'>&amp;\x01\x1b[31mred\x1b[0m"
           "\r\n\t\x7f\x9b\u202egnp.exe\u2028\ufffe]]>--><!--{{7*7}}%s%n")
LONG = "n" * 5000


def check(normgate, folder, name, subject, *options):
    """Runs a check; its record file. Exit code 1 is a finding, and wanted."""
    path = folder / f"{name}.jsonl"
    done = subprocess.run(
        [normgate, "check", subject, "--profile", "smoke", "--no-score",
         "--quiet", "--json", str(path), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"check {subject} ended with {done.returncode}: "
                 f"{done.stderr.decode(errors='replace')}")
    return path


WAIVERS = {"waivers": [
    {"kernel": "wrong", "property": "accuracy",
     "reason": "issue 812: " + ALERT + " is known and accepted until "
               "the rewrite lands"},
    {"kernel": "crash", "property": "*", "verdict": "CRASH", "max_ratio": 4,
     "op": "rms_norm", "reason": "of no known ratio"},
    {"kernel": "no_such*", "property": "shift", "reason": "names nothing"},
    {"kernel": "wrong", "property": "scale", "reason": "too long ago",
     "expires": "2025-03-31"}]}


def adopt(normgate, folder, before, after):
    """Waivers used, unused and expired; a baseline that is worse, new, gone."""
    waivers, baseline = folder / "waivers.json", folder / "baseline.json"
    waivers.write_text(json.dumps(WAIVERS))
    baseline.unlink(missing_ok=True)
    some = ("--property", "[acs]*")
    check(normgate, folder, "before", before, "--kernel", "[!s]*", *some,
          "--baseline", str(baseline), "--update-baseline")
    return check(normgate, folder, "adopted", after, *some, "--waivers",
                 str(waivers), "--baseline", str(baseline))


def report(normgate, folder, name, *words):
    """The page of several record files, and their records as one file."""
    page = folder / f"{name}.html"
    files = [word for word in words if isinstance(word, pathlib.Path)]
    subprocess.run([normgate, "report", *map(str, words), "--html", str(page)],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=False)
    together = folder / f"{name}.jsonl"
    together.write_bytes(b"".join(file.read_bytes() for file in files))
    return together, page


def changed(records, path):
    """The same run at another time: checks that fail, and other errors."""
    lines = [json.loads(line) for line in records.read_text().splitlines()]
    checks = [line for line in lines if line["kind"] == "check"]
    for i, line in enumerate(checks):
        if i % 40 == 3:
            line.update(verdict="FAIL", ratio=3.5, cause=HOSTILE)
        elif "error_ulp" in line:
            line["error_ulp"] *= 4 if i % 3 == 0 else 0.25 if i % 3 == 1 else 1
    return write(path, lines)


def record(**fields):
    line = {"kind": "check", "schema": "normgate-record/1"}
    line.update(fields)
    return line


def forged():
    """Every text is hostile somewhere, every number at an end of its range."""
    numbers = {"ratio": "inf", "error_ulp": 1e308, "x": "-inf", "got": "nan",
               "exact": 5e-324, "rounded": 0.0, "bound": 0.0,
               "worst_set": str(2**64 - 1), "worst_element": 2**62,
               "elements": str(2**64 - 1), "wrong": str(2**64 - 1),
               "line": str(2**64 - 1)}
    texts = {name: HOSTILE for name in (
        "contract", "op", "pass", "dtype", "family", "test", "cause", "note",
        "replay", "file", "worst_tensor", "id", "columns", "histogram")}
    yield record(kind="run", seed=1, **{name: HOSTILE for name in (
        "command", "version", "build", "machine", "libraries", "fpenv",
        "profile", "time")})
    for subject in (ALERT, HOSTILE, LONG, ""):
        for kernel in (HOSTILE, LONG, ""):
            for prop in (HOSTILE, LONG):
                yield record(subject=subject, kernel=kernel, property=prop,
                             verdict="FAIL", **texts, **numbers)
        yield record(subject=subject, kernel="odd", property="accuracy",
                     verdict=HOSTILE, ratio=0.5)
        yield record(subject=subject, kernel="long", property="accuracy",
                     verdict="FAIL", **{name: LONG for name in texts})
        yield record(subject=subject, kernel="wrong on purpose",
                     property="accuracy", verdict="PASS", ratio=0.5,
                     seeded_bug=HOSTILE)
    yield record(kind="score", subject=HOSTILE, verdict="FAIL",
                 kernel=HOSTILE, property=HOSTILE, **texts)
    yield record(kind="score", subject=LONG, verdict="PASS", kernel=LONG,
                 property=LONG, note=LONG)
    yield record(kind="end", exit_code=1, seconds=1e308)


def write(path, records):
    path.write_text("".join(json.dumps(line) + "\n" for line in records))
    return path


def render(render_page, records):
    """The page of a record file, beside it."""
    page = records.with_suffix(".html")
    subprocess.run([render_page, str(records), str(page)], check=True)
    return page


def make(normgate, render_page, folder, before, after):
    """{name: (records, page)} of every kind of run that a reader may meet."""
    worker = (f"worker:'{sys.executable}' "
              f"'{HERE / 'workers' / 'page.py'}'")
    files = {
        "passing": check(normgate, folder, "passing", "builtin:two_pass",
                         "--op", "layer_norm", "--dtype", "f[36]*"),
        "failing": check(normgate, folder, "failing",
                         "builtin:bug.eps_outside"),
        "worker": check(normgate, folder, "worker", worker,
                        "--timeout", "5"),
        "forged": write(folder / "forged.jsonl", forged()),
        "empty": write(folder / "empty.jsonl", []),
    }
    files["incomplete"] = folder / "incomplete.jsonl"
    text = files["failing"].read_bytes()
    files["incomplete"].write_bytes(text[:len(text) // 2])
    # A gate of itself: right kernels, and seeded bugs of which one survives.
    zoo = check(normgate, folder, "bugs", "builtin:bug.eps_o*",
                "--op", "layer_norm").read_text()
    lines = [json.loads(line)
             for line in files["passing"].read_text().splitlines()[:-1]]
    lines += [json.loads(line) for line in zoo.splitlines()[1:]]
    lines.insert(-1, record(
        subject="builtin:bug.sleeper", kernel="layer_norm_f32",
        property="accuracy", seeded_bug="accuracy", verdict="PASS", ratio=0.5))
    lines.insert(-1, record(kind="score", subject="builtin:bug.eps_outside",
                            kernel="layer_norm_f32", op="layer_norm",
                            dtype="f32", property="accuracy", verdict="FAIL",
                            note="eps is added outside the square root"))
    files["joined"] = write(folder / "joined.jsonl", lines)
    files["adopted"] = adopt(normgate, folder, before, after)
    pages = {name: (path, render(render_page, path))
             for name, path in files.items()}
    welford = check(normgate, folder, "welford", "builtin:welford",
                    "--op", "layer_norm", "--dtype", "f32")
    pages["compared"] = report(normgate, folder, "compared", files["passing"],
                               welford)
    pages["diff"] = report(normgate, folder, "diff", welford,
                           changed(welford, folder / "later.jsonl"), "--diff")
    return pages


def main():
    normgate, render_page, folder, before, after = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (records, page) in make(normgate, render_page, folder, before,
                                      after).items():
        print(f"{name}: {records.stat().st_size} bytes of records, "
              f"{page.stat().st_size} of page")


if __name__ == "__main__":
    main()
