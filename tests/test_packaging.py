"""What is published fits together: metadata, wheels, workflows, citation, templates."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import skm2v
from tests import pages

if sys.version_info >= (3, 11):
    import tomllib

ROOT = Path(__file__).resolve().parents[1]
new_python = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="cibuildwheel and tomllib need Python 3.11 or newer"
)
in_a_checkout = pytest.mark.skipif(
    not (ROOT / ".github").exists(), reason="a source distribution has no workflows"
)
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
# What cibuildwheel calls the wheels of a Python on the machines of the workflow.
WHEELS = {
    ("linux", "x86_64"): "cp{}-manylinux_x86_64",
    ("linux", "aarch64"): "cp{}-manylinux_aarch64",
    ("macos", "arm64"): "cp{}-macosx_arm64",
    ("macos", "x86_64"): "cp{}-macosx_x86_64",
    ("windows", "AMD64"): "cp{}-win_amd64",
}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def loaded(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@new_python
def test_classifiers_name_the_pythons_that_are_supported():
    metadata = project()["project"]
    prefix = "Programming Language :: Python :: "
    named = [
        one.removeprefix(prefix)
        for one in metadata["classifiers"]
        if re.fullmatch(prefix + r"3\.\d+", one)
    ]
    assert named == PYTHONS
    assert metadata["requires-python"] == f">={PYTHONS[0]}"


@new_python
def test_classifiers_name_the_systems_on_which_the_suite_was_run():
    prefix = "Operating System :: "
    named = [one for one in project()["project"]["classifiers"] if one.startswith(prefix)]
    assert named == [prefix + "POSIX :: Linux"]
    assert "| macOS, Windows | nothing by us |" in pages.page("platforms.md")


@new_python
@pytest.mark.parametrize(("system", "machine"), WHEELS)
def test_there_is_a_wheel_for_each_python(system, machine):
    command = [sys.executable, "-m", "cibuildwheel", "--print-build-identifiers"]
    result = subprocess.run(
        [*command, "--platform", system, "--archs", machine, str(ROOT)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    names = [WHEELS[system, machine].format(one.replace(".", "")) for one in PYTHONS]
    assert result.stdout.split() == names


@new_python
@in_a_checkout
def test_the_workflow_has_a_machine_for_each_wheel():
    machines = loaded(".github/workflows/wheels.yml")["jobs"]["wheels"]["strategy"]["matrix"]
    # Each builds for itself alone ("auto64"), so that every wheel is tried where it was built.
    assert project()["tool"]["cibuildwheel"]["archs"] == ["auto64"]
    assert len(machines["machine"]) == len(WHEELS)


@in_a_checkout
def test_the_workflow_runs_the_script_of_this_repository():
    job = loaded(".github/workflows/ci.yml")["jobs"]["linux"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    tried = job["strategy"]["matrix"]["python"]
    assert tried == [PYTHONS[0], PYTHONS[-1]]


@in_a_checkout
def test_workflows_may_write_nothing_and_name_files_that_are_there():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
        for name in re.findall(r"(?:python |- run: )((?:tools|\.ci)/[\w./]+)", text):
            assert (ROOT / name).exists(), name


@in_a_checkout
def test_issue_forms_ask_what_a_report_needs():
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*_*.yml"))
    assert len(forms) == 3
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert {"name", "description", "labels", "body"} <= set(form)
        fields = [part for part in form["body"] if part["type"] != "markdown"]
        assert len({part["id"] for part in fields}) == len(fields)
        assert any(part.get("validations", {}).get("required") for part in fields)


def test_the_citation_is_of_this_version():
    citation = loaded("CITATION.cff")
    assert citation["version"] == skm2v.__version__
    assert citation["license"] == "MIT"
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


@pytest.mark.parametrize("repository", ["https://forge.example/owner/skm2v/", ""])
def test_addresses_are_those_of_the_repository_that_builds(tmp_path, repository, monkeypatch):
    monkeypatch.setenv("SKM2V_REPOSITORY", repository)
    monkeypatch.delenv("SKM2V_SITE", raising=False)  # which names one more address
    subprocess.run(
        [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", tmp_path],
        cwd=ROOT, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    [path] = tmp_path.glob("*/PKG-INFO")
    urls = dict(re.findall(r"^Project-URL: (\w+), (.*)$", path.read_text(encoding="utf-8"), re.M))
    expected = {"Documentation", "Source", "Issues", "Changelog"} if repository else set()
    assert set(urls) == expected
    assert all(url.startswith("https://forge.example/owner/skm2v") for url in urls.values())
    assert not any("//docs" in url or "skm2v//" in url for url in urls.values())
