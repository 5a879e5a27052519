"""Public names of the package."""

from __future__ import annotations

import subprocess
import sys

import skm2v


def test_distill_is_the_function_whatever_was_imported_first():
    code = "import skm2v.distill\nimport skm2v\nassert callable(skm2v.distill)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_public_names():
    assert all(getattr(skm2v, name) is not None for name in skm2v.__all__)


def test_show_versions(capsys):
    skm2v.show_versions()
    lines = capsys.readouterr().out.splitlines()
    versions = dict(line.split(":", maxsplit=1) for line in lines)
    versions = {name.strip(): version.strip() for name, version in versions.items()}
    assert versions["skm2v"] == skm2v.__version__
    assert versions["python"] == sys.version.split()[0]
    assert {"numpy", "tokenizers", "torch"} <= set(versions)
    assert versions["compiled kernel"] == "available"


def test_show_versions_says_why_there_is_no_kernel(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "skm2v._pooling.kernel", None)
    skm2v.show_versions()
    assert "compiled kernel : not available (" in capsys.readouterr().out
