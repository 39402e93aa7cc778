"""junit_schema.py DUMP_REPORTS NORMGATE PLUGIN SCHEMA: JUnit files of made-up
and of real runs are valid, count what they hold, and name each test once and
alike in every run. Without the schema (./run test fetches it) or xmllint all
but the validation is tested, and the exit code is 77: skipped."""
import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import ci_records

# Real ones: what passes, fails, crashes and hangs, with few cases each.
RUNS = {
    "real_pass": ["builtin:two_pass", "--dtype", "f32", "--op", "layer_norm",
                  "--pass", "forward", "--property", "[acs]*"],
    "real_fail": ["builtin:bug.eps_outside", "--property", "[acs]*"],
    "real_crash": ["PLUGIN", "--kernel", "[al]*", "--property", "accuracy",
                   "--timeout", "0.3"],
    "real_nothing": ["builtin:two_pass", "--op", "none"],
}


def validate(schema, path):
    if schema is None:
        return
    done = subprocess.run(["xmllint", "--noout", "--schema", schema, path],
                          stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, f"{path.name}: {done.stderr[:2000]}"


def names(suite):
    return [(case.get("classname"), case.get("name"))
            for case in suite.iter("testcase")]


def check_counts(path):
    root = ElementTree.parse(path).getroot()
    sums = collections.Counter()
    for suite in root.iter("testsuite"):
        found = collections.Counter(
            tests=len(suite.findall("testcase")),
            failures=len(suite.findall("testcase/failure")),
            errors=len(suite.findall("testcase/error")),
            skipped=len(suite.findall("testcase/skipped")))
        for key, count in found.items():
            assert suite.get(key) == str(count), (path.name, key, count)
        sums.update(found)
        seen = names(suite)
        assert len(set(seen)) == len(seen), (path.name, "a name occurs twice",
                                             collections.Counter(seen)
                                             .most_common(1))
        stamp = suite.get("timestamp")
        assert stamp is None or re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp), stamp
    for key in ("tests", "failures", "errors"):
        assert root.get(key) == str(sums[key]), (path.name, key)
    return root


def check_made_up(roots):
    suite = roots["failing"].find("testsuite")
    assert suite.get("timestamp") == "2026-01-31T12:00:00Z"
    assert suite.get("file") is None, "the first check names none"
    values = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert values.items() >= {"seed": "7", "profile": "gate",
                              "version": "1.2.3"}.items(), values
    failure = suite.find("testcase/failure")
    assert failure.get("message") == "eps is added outside the square root"
    for part in ("layer_norm/forward/f32 rows=1 n=4 seed=1",
                 "normgate replay 'x' builtin:s", "src/norm.c:12", "41.5"):
        assert part in failure.text, part
    assert [len(roots["crash"].findall(f".//{kind}"))
            for kind in ("failure", "error")] == [1, 3]
    assert len(roots["skipped"].findall(".//skipped")) == 3
    assert roots["skipped"].find(".//skipped").get("message") == (
        "crashed too often")
    assert roots["waived"].find(".//skipped").get("message") == (
        "known since 2024")
    watched = [roots[name].findall("testsuite")[-1].find("testcase")
               for name in ("as_before", "worse")]
    assert watched[0].attrib == watched[1].attrib, "one test, whatever it says"
    assert watched[0].find("failure") is None
    assert "was 2 ulp" in watched[1].find("failure").text
    assert len(roots["incomplete"].findall(".//error")) == 1
    assert roots["times"].find("testsuite").get("timestamp") is None
    assert len(roots["many"].findall(".//failure")) == 10000
    # Texts of one property that look alike when printed are two tests.
    assert len(names(roots["alike"].find("testsuite"))) == 4


def check_real(program, plugin, schema, folder):
    for name, words in RUNS.items():
        found = []
        for again in range(2):
            path = folder / f"{name}{again}.xml"
            subprocess.run(
                [program, "check", *(plugin if w == "PLUGIN" else w
                                     for w in words), "--profile", "smoke",
                 "--seed", str(again), "--quiet", "--junit", path],
                stderr=subprocess.DEVNULL, check=False)
            validate(schema, path)
            found.append(names(check_counts(path)))
        assert found[0] and found[0] == found[1], (name, "names changed")
    root = ElementTree.parse(folder / "real_crash0.xml").getroot()
    kinds = {error.get("type") for error in root.iter("error")}
    assert {"CRASH", "HANG"} <= kinds, kinds


def main(dump, program, plugin, schema):
    schema = pathlib.Path(schema)
    usable = schema.exists() and shutil.which("xmllint") is not None
    schema = schema if usable else None
    made_up = {name: records
               for name, (records, _) in ci_records.scenarios().items()}
    made_up["alike"] = [ci_records.check(property=text)
                        for text in ("a\nb", "a b", "c" * 20000 + "1",
                                     "c" * 20000 + "2")] + [ci_records.END]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        roots = {}
        for name, records in made_up.items():
            path = ci_records.dump(dump, folder, name,
                                   records).with_suffix(".xml")
            validate(schema, path)
            roots[name] = check_counts(path)
        check_made_up(roots)
        check_real(program, plugin, schema, folder)
    if schema is None:
        print("no schema or no xmllint: nothing was validated")
        return 77
    print(f"{len(made_up) + 2 * len(RUNS)} files are valid")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
