"""record_schema.py SOURCE NORMGATE PLUGIN: docs/records.schema.json names what
record.def has, no more and no less; real records are valid by it, of runs that
pass, fail, crash, are scored or are cut short; wrong ones are not.
Without python3-jsonschema the exit code is 77: skipped."""
import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

ONE = ["--op", "rms_norm", "--pass", "forward", "--dtype", "f32"]
RUNS = {  # name -> words, kinds and verdicts that must be among its records
    "passing": (["builtin:two_pass", *ONE, "--profile", "smoke"],
                {"run", "check", "end", "PASS", "SKIP"}),
    "failing": (["builtin:bug.eps_outside", "--profile", "smoke"], {"FAIL"}),
    "crashing": (["PLUGIN", "--kernel", "[alru]*", "--property", "accuracy",
                  "--timeout", "0.3", "--profile", "smoke"],
                 {"CRASH", "HANG", "REFUSED", "UNSUPPORTED"}),
    "scored": (["builtin:two_pass", *ONE, "--property", "scale"],
               {"score"}),
    "nothing": (["builtin:two_pass", "--op", "none"], {"run", "end"}),
    "watched": (["builtin:bug.eps_outside", "--property", "a*", "--profile",
                 "smoke", "--waivers", "WAIVERS", "--baseline", "BASELINE",
                 "--update-baseline"],
                {"waiver", "baseline", "WAIVED"}),
}

# A field and a value that it must not have.
FORGED = {
    "id": ["0123456789abcdeg", "0123456789abcde", "0123456789abcdef0", 1, ""],
    "kind": ["", "Check", "checks", 3, None],
    "schema": ["normgate-record/2", "", 1],
    "verdict": ["pass", "GOOD", "", 0],
    "kernel": ["a b", "", "k" * 64, "<k>"],
    "op": ["layer norm", "", "LAYER", ["layer_norm"]],
    "pass": ["sideways"], "dtype": ["f31", "float"],
    "histogram": ["", "63:1", "0:0", "0:1,1:2", "0:1 ", "-1:3", "1:2.5", "0"],
    "columns": ["", "n", "n=a", "n=1;e=2", "n=1; E=2", "n=1,2", "n=0x10",
                "n=infinity", "n=1; ", "a" * 32 + "=1", "n=" + "1 " * 4096],
    "ratio": ["nan", "1", -1, True, [1], {"a": 1}],
    "got": ["NaN", "infinity", True],
    "elements": [0, -1, 1.5, "12", 2**64, "0x10"],
    "line": [0, 2**31, "12"], "seconds": [-1, "nan"],
    "cause": ["", 1, None], "replay": [""], "test": [""],
}
FORGED_RUN = {"profile": ["fast"], "version": ["new"], "time": [
    "2026-01-31 12:00:00", "2026-01-31T12:00:00", "yesterday"],
              "seed": [-1, "seven"], "command": [7]}


def fields_of(table):
    """name -> kind of each row of record.def."""
    rows = re.findall(r"^NG_(TEXT|REAL|COUNT)\((\w+),", table, re.MULTILINE)
    return {name: kind for kind, name in rows}


def kind_of(rule, schema):
    """Which row of record.def a rule of the schema belongs to."""
    kinds = set()
    for name, kind in (("real", "REAL"), ("count", "COUNT"),
                       ("text", "TEXT"), ("name", "TEXT")):
        if f'"#/$defs/{name}"' in json.dumps(rule):
            kinds.add(kind)
    if rule.get("type") == "integer":
        kinds.add("COUNT")
    if (rule.get("type") == "string" or "enum" in rule
            or isinstance(rule.get("const"), str)):
        kinds.add("TEXT")
    assert len(kinds) == 1, (rule, kinds)
    return kinds.pop()


def check_fields(schema, source):
    table = (source / "include/normgate/record.def").read_text()
    fields, rules = fields_of(table), schema["properties"]
    assert len(fields) > 40
    where = "docs/records.schema.json"
    for name, kind in fields.items():
        assert name in rules, (f"{where} has no property '{name}'; record.def "
                               f"has it as NG_{kind}: add it")
        assert kind_of(rules[name], schema) == kind, (
            f"{where}: '{name}' is not of the type of NG_{kind}")
        assert rules[name].get("description"), f"{where}: describe '{name}'"
    for name in rules:
        assert name in fields, (f"{where} has a property '{name}' that "
                                "record.def does not have: remove it")
    words = re.search(r'NG_TEXT\(kind, "([^"]*)"\)', table).group(1)
    kinds = re.findall(r"(?:^|; )(\w+):", words)
    assert rules["kind"]["enum"] == kinds, (
        f"{where}: 'kind' is one of {rules['kind']['enum']}, record.def's "
        f"meaning of kind names {kinds}")
    for kind in kinds:
        assert f'{{"kind": {{"const": "{kind}"}}}}' in json.dumps(
            schema["allOf"]), f"{where} does not say what a '{kind}' requires"
    verdicts = re.findall(
        r"^NG_VERDICT\((\w+)",
        (source / "include/normgate/verdict.def").read_text(), re.MULTILINE)
    assert rules["verdict"]["enum"] == verdicts, f"{where}: 'verdict'"
    passes = re.findall(r"^NG_PASS\((\w+)",
                        (source / "include/normgate/passes.def").read_text(),
                        re.MULTILINE)
    named = schema["$defs"]["of_a_kernel"]["properties"]
    assert named["pass"]["enum"] == passes, f"{where}: 'pass'"
    dtypes = re.findall(r"^NG_DTYPE\((\w+)",
                        (source / "include/normgate/dtypes.def").read_text(),
                        re.MULTILINE)
    assert sorted(named["dtype"]["enum"]) == sorted(dtypes), f"{where}: dtype"


def check_runs(validator, program, plugin, folder):
    """All records of real runs; some of each kind are returned."""
    samples, fields = {}, validator.schema["properties"]
    places = {"PLUGIN": plugin, "WAIVERS": folder / "waivers.json",
              "BASELINE": folder / "baseline.json"}
    places["WAIVERS"].write_text(json.dumps({"waivers": [
        {"kernel": "layer_norm_f32", "property": "acc*", "reason": "known",
         "expires": "2999-12-31", "max_ratio": 1e12},
        {"kernel": "none", "property": "*", "reason": "no longer needed"}]}))
    for name, (words, wanted) in RUNS.items():
        path = folder / f"{name}.jsonl"
        subprocess.run([program, "check", *(places.get(w, w) for w in words),
                        "--quiet", "--json", path],
                       stderr=subprocess.DEVNULL, check=False)
        seen, named = set(), set()
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            for error in validator.iter_errors(record):
                raise AssertionError(
                    f"{name}: {'/'.join(map(str, error.path))}: "
                    f"{error.message[:300]} in {line[:600]}")
            assert set(record) <= set(fields), set(record) - set(fields)
            if record["kind"] in ("check", "score"): # older ones have no id
                place = record["subject"], record["kind"], record["id"]
                assert place not in named, (name, "twice", place)
                named.add(place)
            seen.update((record["kind"], record.get("verdict")))
            samples.setdefault(record["kind"], record)
            if "columns" in record and "histogram" in record:
                samples["columns"] = record
        assert wanted <= seen, (name, "has no", wanted - seen)
    return samples


def check_forged(validator, samples):
    count = 0
    base = dict(samples["check"], cause="x", replay="y")
    run = samples["run"]
    cases = [(base, FORGED), (run, FORGED_RUN)]
    for record, forged in cases:
        assert validator.is_valid(record), record
        for field, values in forged.items():
            for value in values:
                wrong = copy.deepcopy(record)
                wrong[field] = value
                assert not validator.is_valid(wrong), (field, value)
                count += 1
    for kind in validator.schema["properties"]["kind"]["enum"]:
        assert not validator.is_valid({"kind": kind,
                                       "schema": "normgate-record/1"}), kind
    failing = {k: v for k, v in base.items() if k != "replay"}
    assert not validator.is_valid(dict(failing, verdict="FAIL"))
    assert not validator.is_valid(dict(base, verdict="WAIVED"))
    assert not validator.is_valid(dict(samples["waiver"], state="worse"))
    assert not validator.is_valid(dict(samples["waiver"], expires="tomorrow"))
    assert not validator.is_valid(dict(samples["baseline"], state="used"))
    assert not validator.is_valid({k: v for k, v in base.items()
                                   if k != "kind"})
    assert not validator.is_valid([]) and not validator.is_valid("check")
    # What older and newer files may hold stays valid.
    assert validator.is_valid(dict(base, field_of_tomorrow=[1]))
    assert validator.is_valid(dict(base, ratio="inf", got="nan", x="-inf",
                                   elements=str(2**64 - 1)))
    return count


def main(source, program, plugin):
    source = pathlib.Path(source)
    path = source / "docs/records.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    check_fields(schema, source)
    validator = jsonschema.Draft202012Validator(schema)
    with tempfile.TemporaryDirectory() as folder:
        samples = check_runs(validator, program, plugin, pathlib.Path(folder))
    count = check_forged(validator, samples)
    print(f"real records are valid, {count} forged ones are not")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
