from __future__ import annotations

import pytest

from skm2v import StaticModel
from skm2v._cli import main as cli


@pytest.fixture
def model_path(tmp_path, tiny_static):
    path = tmp_path / "model"
    tiny_static.save_pretrained(path)
    return str(path)


@pytest.fixture
def model(model_path):
    return StaticModel.from_pretrained(model_path)


@pytest.fixture
def run(capfdbinary):
    """Call the command; return (exit code, stdout, stderr)."""

    def call(*arguments):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            code = stop.code
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call
