"""Only the optional compiled extension lives here; everything else is in pyproject.toml."""

from setuptools import setup

setup()
