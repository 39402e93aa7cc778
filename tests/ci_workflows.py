"""ci_workflows.py SOURCE NORMGATE: the workflow files of docs/ci are YAML, their
scripts are shell, and those that build and gate do what docs/ci.md says: in a
repository with the kernels of examples/, right and wrong, as a runner would
run them. Without python3-yaml the exit code is 77: skipped."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import yaml
except ImportError:
    print("python3-yaml is not installed")
    sys.exit(77)

OUTPUTS = ("records.jsonl", "report.html", "junit.xml", "summary.md")
# What a runner would have to install and build; here it is there already.
NOT_HERE = ("apt-get", "pip install", "run build", "git clone")
# What makes each example wrong: eps outside the square root.
WRONG = {"rms_norm.c": ("sqrtf(sum / (float)call->n + (float)call->eps)",
                        "(sqrtf(sum / (float)call->n) + (float)call->eps)"),
         "rms_norm.py": ("np.sqrt(mean_square + np.float32(eps))",
                         "(np.sqrt(mean_square) + np.float32(eps))")}


def repository(folder, source, program, wrong):
    """A user's repository with normgate beside the kernels."""
    (folder / "kernels").mkdir(parents=True)
    (folder / "normgate/build").mkdir(parents=True)
    for name in ("include", "adapters", "run"):
        (folder / "normgate" / name).symlink_to(source / name)
    (folder / "normgate/build/normgate").symlink_to(program)
    for path in (source / "examples/c/rms_norm.c",
                 source / "examples/python/rms_norm.py"):
        text = path.read_text()
        right, broken = WRONG[path.name]
        assert text.count(right) == 1, f"{path} has changed"
        if wrong:
            text = text.replace(right, broken)
        (folder / "kernels" / path.name).write_text(text)
    return folder


def run(shell, script, folder, environment):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1",
                   **environment, "PROFILE": "smoke"}
    return subprocess.run([*shell, "-c", script], cwd=folder, text=True,
                          env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)


def check_syntax(shell, script):
    done = subprocess.run([*shell, "-n", "-c", script], text=True,
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, (script, done.stderr)


def github_jobs(text):
    """job -> its scripts, each with its environment, as the runner takes them:
    bash -eo pipefail."""
    workflow = yaml.safe_load(text)
    # YAML 1.1 reads the key `on` as true.
    assert {"push", "pull_request"} <= set(workflow.get("on")
                                           or workflow[True])
    for name, job in workflow["jobs"].items():
        steps = job["steps"]
        keep = [s for s in steps if "upload-artifact" in s.get("uses", "")]
        assert keep and keep[0]["if"] == "${{ !cancelled() }}", name
        assert keep[0]["with"]["path"] == "out/"
        yield name, [(s["run"], s.get("env", {})) for s in steps if "run" in s]


def gitlab_jobs(text):
    """job -> its script as one, as the runner does, and its environment."""
    pipeline = yaml.safe_load(text)
    base = pipeline[".normgate"]
    assert base["artifacts"]["when"] == "always"
    assert base["artifacts"]["reports"]["junit"] == "out/junit.xml"
    for line in base["before_script"]:
        check_syntax(["sh"], line)
    for name, job in pipeline.items():
        if not isinstance(job, dict) or job.get("extends") != ".normgate":
            continue
        lines = [line for line in job["script"]
                 if not any(word in line for word in NOT_HERE)]
        yield name, [("\n".join(lines), job.get("variables", {})),
                     ("\n".join(base["after_script"]), {})]


def run_job(scripts, shell, folder):
    """The exit code, and what was printed."""
    code, told = 0, ""
    for script, environment in scripts:
        check_syntax(shell, script)
        if any(word in script for word in NOT_HERE):
            continue
        done = run(shell, script, folder,
                   {**environment, "GITHUB_ACTIONS": "true",
                    "GITHUB_STEP_SUMMARY": str(folder / "step_summary")})
        told += done.stdout
        code = code or done.returncode
    return code, told


def keeping_baseline(scripts):
    """As by hand, once: docs/ci.md."""
    return [(script.replace("[ ! -e kernels/baseline.json ] || ", "").replace(
        "kernels/baseline.json", "kernels/baseline.json --update-baseline"),
             environment) for script, environment in scripts]


def check_job(server, name, scripts, shell, source, program):
    """Right kernels pass, wrong ones fail, and do not where they are waived."""
    for state in ("right", "wrong", "waived"):
        with tempfile.TemporaryDirectory() as folder:
            folder = repository(pathlib.Path(folder) / "r", source, program,
                                state != "right")
            if state == "waived":
                (folder / "kernels/waivers.json").write_text(
                    '{"waivers": [{"kernel": "*", "property": "*", '
                    '"reason": "eps will move in 2.0"}]}')
            code, told = run_job(scripts, shell, folder)
            where = (server, name, state, code, told)
            assert code == (1 if state == "wrong" else 0), where
            for output in OUTPUTS:
                assert (folder / "out" / output).stat().st_size > 100, where
            text = (folder / "out/summary.md").read_text(encoding="utf-8")
            assert text.splitlines()[0].endswith(
                "FAIL" if state == "wrong" else "PASS"), where
            assert (state == "waived") == ("eps will move" in text), where
            if server == "github":
                summary = folder / "step_summary"
                assert summary.read_text(encoding="utf-8") == text, where
                source_file = "kernels/rms_norm." + name[:1].replace("p", "py")
                assert (state == "wrong") == (
                    f"\n::error file={source_file},line=" in "\n" + told), where
            else:  # whatever GITHUB_ACTIONS says
                assert "::error" not in told, where
            if state == "right":
                check_baseline(scripts, shell, folder)


def check_baseline(scripts, shell, folder):
    code, told = run_job(keeping_baseline(scripts), shell, folder)
    assert code == 0 and (folder / "kernels/baseline.json").exists(), told
    code, told = run_job(scripts, shell, folder)
    text = (folder / "out/summary.md").read_text(encoding="utf-8")
    assert code == 0 and " as before." in text, (told, text)


def main(source, program):
    source, count = pathlib.Path(source).resolve(), 0
    program = pathlib.Path(program).resolve()
    readers = (("github", github_jobs,
                ["bash", "--noprofile", "--norc", "-eo", "pipefail"]),
               ("gitlab", gitlab_jobs, ["sh", "-e"]))
    for server, jobs, shell in readers:
        text = (source / f"docs/ci/{server}.yml").read_text(encoding="utf-8")
        for name, scripts in jobs(text):
            check_job(server, name, scripts, shell, source, program)
            count += 1
    assert count == 4, count
    print(f"{count} jobs gate right and wrong kernels as they should")
    return 0


if __name__ == "__main__":
    assert shutil.which("cc"), "a C compiler is needed"
    sys.exit(main(*sys.argv[1:]))
