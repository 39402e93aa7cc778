"""Real runs of every kind that a report may be of, each with all outputs of the
program, for the tests that count again what those say.

report_runs.py NORMGATE FOLDER: leaves NAME.jsonl (of the later run; the earlier
one's in NAME.before.jsonl) and what `normgate report` made of it."""
import json
import pathlib
import subprocess
import sys

NAMES = ("training", "failing", "compared", "scored", "gate", "adopted",
         "changed", "cut")
OUTPUTS = {"html": "html", "markdown": "md", "junit": "xml",
           "annotations": "txt"}
# Fails in forward, backward and training, in values and in bits.
BUGS = ("eps_outside", "dx_without_gamma", "dx_of_constants", "running_bf16",
        "order_by_call", "about_first")


def run(arguments):
    """Exit code 1 is a finding, 4 a run that was cut short: both are wanted."""
    done = subprocess.run(arguments, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1, 4):
        sys.exit(f"{arguments} ended with {done.returncode}: "
                 f"{done.stderr.decode(errors='replace')}")
    return done.stdout


def check(normgate, folder, name, subject, *options):
    path = folder / f"{name}.jsonl"
    options = options or ("--op", "[lb]a[yt]*_norm", "--dtype", "f32")
    run([normgate, "check", subject, "--quiet", "--json", str(path),
         *(() if "--profile" in options else ("--profile", "smoke")),
         *options])
    return path


def edit(path, to, change):
    """The records as `change` of each index and record leaves them."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines = [change(i, line) for i, line in enumerate(lines)]
    to.write_text("".join(json.dumps(x) + "\n" for x in lines if x))


def join(folder, name, paths):
    to = folder / f"{name}.jsonl"
    to.write_text("".join(path.read_text() for path in paths))


def adopted(normgate, folder):
    """Waivers and a baseline that a run meets, and some that it does not."""
    subject = "builtin:bug.eps_outside"
    options = ("--op", "layer_norm", "--dtype", "f32")
    baseline = folder / "baseline.json"
    waivers = folder / "waivers.json"
    waivers.write_text(json.dumps({"waivers": [
        {"kernel": "layer_norm_f32", "property": "epsilon",
         "reason": "issue 1: eps is outside"},
        {"kernel": "layer_norm_f32", "property": "a*", "max_ratio": 1e300,
         "expires": "2999-12-31", "reason": "issue 2: and so is accuracy"},
        {"kernel": "layer_norm_*", "property": "growth",
         "expires": "2001-02-03", "reason": "issue 3: has ended"},
        {"kernel": "rms_*", "property": "wild", "reason": "issue 4"},
        {"kernel": "*", "property": "shift", "reason": "issue 5: all of it"}
    ]}))
    check(normgate, folder, "adopted", subject, *options, "--baseline",
          str(baseline), "--update-baseline")
    made = json.loads(baseline.read_text())
    for i, entry in enumerate(made["entries"]):
        for field in ("error_ulp", "ratio"):
            if isinstance(entry[field], float):
                entry[field] *= (0.05, 1, 40)[i % 3]
    entries = made["entries"]
    entries[1:2] = [dict(entries[1], property="zz")] # one gone, one new
    baseline.write_text(json.dumps(made))
    check(normgate, folder, "adopted", subject, *options, "--baseline",
          str(baseline), "--waivers", str(waivers))


def later(i, record):
    """What a later run could say: each change of verdict and of error."""
    if record["kind"] != "check":
        return record
    if i % 41 == 0:
        return None
    if i % 43 == 0:
        record["verdict"] = "SKIP"
    elif i % 47 == 0 or record["property"] == "moments":
        record["verdict"] = "PASS" if record["verdict"] == "FAIL" else "FAIL"
    for field in ("error_ulp", "ratio"):
        if isinstance(record.get(field), float):
            record[field] *= (1, 8, 1, 0.1, 1.05)[i // 30 % 5]
    return record


def make(normgate, folder):
    training = check(normgate, folder, "training", "builtin:two_pass")
    welford = check(normgate, folder, "welford", "builtin:welford")
    shifted = check(normgate, folder, "shifted", "builtin:shifted")
    bugs = [check(normgate, folder, bug, f"builtin:bug.{bug}")
            for bug in BUGS]
    join(folder, "failing", bugs)
    join(folder, "compared", [training, welford, shifted, bugs[0]])
    check(normgate, folder, "scored", "builtin:welford", "--profile", "gate",
          "--op", "layer_norm", "--dtype", "f32", "--property", "constant")
    zoo = check(normgate, folder, "zoo", "builtin:bug.running_*", "--dtype",
                "f32")
    join(folder, "gate", [welford, zoo])
    adopted(normgate, folder)
    edit(folder / "failing.jsonl", folder / "changed.before.jsonl",
         lambda i, r: r)
    edit(folder / "failing.jsonl", folder / "changed.jsonl", later)
    whole = (folder / "failing.jsonl").read_bytes()
    (folder / "cut.jsonl").write_bytes(whole[:len(whole) * 2 // 5])


def report(normgate, folder, name):
    """Every output of the run, the terminal's as NAME.out."""
    before = folder / f"{name}.before.jsonl"
    words = [normgate, "report", folder / f"{name}.jsonl"]
    if before.exists():
        words[2:2] = [before]
        words.append("--diff")
    for option, end in OUTPUTS.items():
        words += [f"--{option}", folder / f"{name}.{end}"]
    (folder / f"{name}.out").write_bytes(run([str(w) for w in words]))


def main():
    normgate, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    make(normgate, folder)
    for name in NAMES:
        report(normgate, folder, name)
        size = (folder / f"{name}.jsonl").stat().st_size
        print(f"{name}: {size} bytes of records")


if __name__ == "__main__":
    main()
