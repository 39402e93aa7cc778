"""Records for the tests of what CI servers read: scenarios of runs, made here
so that what a report must say is known without normgate."""
import json
import subprocess

# Text that tries every construct of Markdown, HTML, XML, workflow commands and
# terminals, and what sites add to them.
HOSTILE = [
    "<script>alert('1')</script>", "</code><img src=x onerror=alert(1)>",
    "a | b | c", "| - | - |", "`code`", "``` fence", "```", "````", "~~~ fence", "*a* **b**",
    "_a_ __b__ ~~c~~", "[a](http://a.example)", "![a](http://a.example/i.png)",
    "# heading", "- item", "1. item", "1) item", "> quote", "+ item", "===",
    "&lt;b&gt; &#60;b&#62;", "@someone mail a@b.example", "#1 GH-1 o/r#1 !2",
    "http://a.example www.a.example ftp://a.example", ":smile: $x$ %20 ~l",
    "a\\", "a  ", "</details>", "<!-- -->", "]]>", "\x1b[31m red \x07",
    "a\n::stop-commands::x\n::error::forged", "##[error]forged",
    "%0A::error::forged", "a\r\n\r\n# heading\r\n    code", "\t tab",
    "\ufffe\uffff \u202e right to left \u2028 line", "a:b,c=d", "x" * 5000,
    "`" * 20000, "\u00e9\u4e2d\U0001f600",
]


def check(**fields):
    record = {
        "kind": "check", "schema": "normgate-record/1",
        "subject": "builtin:s", "kernel": "k", "op": "layer_norm",
        "pass": "forward", "dtype": "f32", "property": "accuracy",
        "family": "normal", "verdict": "PASS", "elements": 4, "ratio": 0.5,
        "test": "layer_norm/forward/f32 rows=1 n=4 seed=1",
        "histogram": "0:3 13:1", "error_ulp": 0.5, "proved_binary128": 4,
    }
    record.update(fields)
    return record


def run(**fields):
    record = {"kind": "run", "schema": "normgate-record/1", "version": "1.2.3",
              "profile": "gate", "seed": 7, "time": "2026-01-31T12:00:00Z",
              "command": "normgate check builtin:s"}
    record.update(fields)
    return record


END = {"kind": "end", "schema": "normgate-record/1", "seconds": 1.5}


def fail(**fields):
    return check(**{"verdict": "FAIL", "ratio": 41.5, "wrong": 2,
                    "cause": "eps is added outside the square root",
                    "replay": "normgate replay 'x' builtin:s",
                    "file": "src/norm.c", "line": 12, **fields})


def waiver(**fields):
    return {"kind": "waiver", "schema": "normgate-record/1", "kernel": "k*",
            "property": "a", "state": "used", "waived": "FAIL", "cases": 1,
            "waiver": "known since 2024", "expires": "2999-12-31", **fields}


def baseline(**fields):
    return {"kind": "baseline", "schema": "normgate-record/1", "kernel": "k",
            "op": "layer_norm", "pass": "forward", "dtype": "f32",
            "property": "accuracy", "state": "worse", "verdict": "FAIL",
            "error_ulp": 9, "baseline_error_ulp": 2, "ratio": 0.9,
            "baseline_ratio": 0.2, "factor": 2, "cases": 10,
            "cause": "largest error 9 ulp, was 2 ulp", **fields}


UNCHANGED = baseline(state="unchanged", verdict="PASS", entries=3, cause="")


def hostile_records():
    texts = ("subject", "kernel", "contract", "op", "pass", "dtype",
             "property", "family", "test", "cause", "note", "replay", "file",
             "worst_tensor", "columns", "histogram")
    moved = ("kernel", "property", "state", "cause", "test", "replay", "file",
             "waived", "waiver", "expires")
    return [fail(**dict.fromkeys(texts, text)) for text in HOSTILE] + [
        check(**dict.fromkeys(texts, text), verdict="WAIVED")
        for text in HOSTILE] + [
        waiver(**dict.fromkeys(moved, text)) for text in HOSTILE] + [
        baseline(**dict.fromkeys(moved, text)) for text in HOSTILE]


def scenarios():
    """name -> (records, how many findings a report must count)"""
    hostile = dict.fromkeys(
        ("command", "version", "build", "machine", "libraries", "fpenv",
         "time", "profile"), "".join(HOSTILE[:20]))
    many = [fail(kernel=f"kernel_{i // 20}", property=f"property_{i % 20}",
                 ratio=2 + i, id=f"{i:016x}") for i in range(10000)]
    return {
        "passing": ([run(), check(), END], 0),
        "failing": ([run(), check(), fail(property="shift"), END], 1),
        "crash": ([run(), fail(property="a", verdict="CRASH", ratio=None),
                   fail(property="b", verdict="HANG", ratio=None),
                   fail(property="c", verdict="ERROR", ratio=None),
                   fail(property="d", verdict="REFUSED", ratio=None), END], 4),
        "skipped": ([run(), check(), check(property="a", verdict="SKIP",
                                           cause="crashed too often"),
                     check(property="b", verdict="UNSUPPORTED"),
                     check(property="c", verdict="WAIVED"), END], 0),
        "survived": ([run(), check(),
                      check(kernel="bug", seeded_bug="shift"), END], 1),
        "hostile": ([run(**hostile), *hostile_records(), END],
                    2 * len(HOSTILE)),
        "worse": ([run(), check(), baseline(), UNCHANGED,
                   baseline(state="better", verdict="PASS"), END], 1),
        "as_before": ([run(), check(), UNCHANGED, END], 0),
        "waived": ([run(), check(), check(property="a", verdict="WAIVED",
                                          waiver="known since 2024"),
                    waiver(), waiver(state="unused", cases=None), END], 0),
        "incomplete": ([run(), fail()], 1),
        "nothing": ([run(), check(verdict="SKIP"), END], 0),
        "empty": ([], 0),
        "times": ([run(time="yesterday", seed=str(2**64 - 1)),
                   check(seconds="inf"), check(property="b", seconds=-1e308),
                   check(property="c", seconds=1e300), END], 0),
        "many": ([run(), *many, END], 10000),
    }


def write(folder, name, records):
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    return path


def dump(program, folder, name, records):
    """The base of the report files of the records."""
    base = folder / name
    subprocess.run([program, write(folder, name, records), base], check=True)
    return base
