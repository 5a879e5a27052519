"""Names of other libraries that docstrings link to, as inventories for intersphinx.

Intersphinx would download the inventories of the whole of scikit-learn, NumPy and Python. A build
needs no network, so the few names in use stand here, with the rule by which each project makes an
address of a name; a test finds each name in the library itself.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

import api_table


class Project(NamedTuple):
    """Documentation of another library."""

    site: str
    address: str  # of a name
    names: dict[str, str]  # by domain and role, separated by spaces
    exceptions: dict[str, str] = {}


PROJECTS = {
    "python": Project(
        "https://docs.python.org/3/",
        "library/stdtypes.html#{name}",
        {
            "py:class": "bytes dict frozenset list memoryview object set str tuple type float int"
            " pathlib.Path",
            "py:data": "False None True",
            "py:function": "callable warnings.warn",
            "py:exception": "unittest.SkipTest",
            "std:term": "iterable generator sequence mapping iterator",
            "std:label": "bltin-boolean-values",
        },
        {
            "False": "library/constants.html#False",
            "None": "library/constants.html#None",
            "True": "library/constants.html#True",
            "callable": "library/functions.html#callable",
            "float": "library/functions.html#float",
            "int": "library/functions.html#int",
            "object": "library/functions.html#object",
            "type": "library/functions.html#type",
            "pathlib.Path": "library/pathlib.html#pathlib.Path",
            "unittest.SkipTest": "library/unittest.html#unittest.SkipTest",
            "warnings.warn": "library/warnings.html#warnings.warn",
            "iterable": "glossary.html#term-iterable",
            "generator": "glossary.html#term-generator",
            "sequence": "glossary.html#term-sequence",
            "mapping": "glossary.html#term-mapping",
            "iterator": "glossary.html#term-iterator",
            "bltin-boolean-values": "library/stdtypes.html#boolean-type-bool",
        },
    ),
    "numpy": Project(
        "https://numpy.org/doc/stable/",
        "reference/generated/{name}.html#{name}",
        {
            "py:class": "numpy.ndarray numpy.dtype numpy.random.RandomState",
            "std:term": "array_like",
        },
        {
            "array_like": "glossary.html#term-array_like",
            "numpy.random.RandomState": "reference/random/legacy.html#numpy.random.RandomState",
        },
    ),
    "scipy": Project(
        "https://docs.scipy.org/doc/scipy/",
        "reference/generated/{name}.html#{name}",
        {"py:class": "scipy.sparse.csr_array scipy.sparse.csr_matrix"},
    ),
    "sklearn": Project(
        "https://scikit-learn.org/stable/",
        "modules/generated/{name}.html#{name}",
        {
            "py:class": "sklearn.calibration.CalibratedClassifierCV sklearn.callback.ProgressBar"
            " sklearn.cluster.KMeans sklearn.exceptions.SkipTestWarning"
            " sklearn.feature_extraction.text.TfidfTransformer sklearn.frozen.FrozenEstimator"
            " sklearn.utils.Bunch",
        },
    ),
    "pandas": Project(
        "https://pandas.pydata.org/docs/",
        "reference/api/{name}.html#{name}",
        {"py:class": "pandas.DataFrame pandas.Series"},
    ),
    "matplotlib": Project(
        "https://matplotlib.org/stable/",
        "api/_as_gen/{name}.html#{name}",
        {"py:class": "matplotlib.axes.Axes"},
    ),
    "joblib": Project(
        "https://joblib.readthedocs.io/en/stable/",
        "generated/{name}.html#{name}",
        {"py:class": "joblib.Memory"},
    ),
}


def written(folder: Path) -> dict[str, tuple[str, str]]:
    """Write the inventories into a folder; return intersphinx's mapping."""
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for name, project in PROJECTS.items():
        path = folder / f"{name}.inv"
        path.write_bytes(inventory(name, project))
        mapping[name] = (project.site, str(path))
    return mapping


def inventory(title: str, project: Project) -> bytes:
    """Return an inventory in Sphinx's format, version 2."""
    lines = []
    for role, names in project.names.items():
        for name in names.split():
            address = project.exceptions.get(name, project.address.format(name=name))
            lines.append(f"{name} {role} 1 {address} -\n")
    head = f"# Sphinx inventory version 2\n# Project: {title}\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    return head.encode() + zlib.compress("".join(lines).encode())


def aliases() -> dict[str, str]:
    """Return what the words of a type in a docstring stand for."""
    found = {
        name: f":class:`{name}`"
        for project in PROJECTS.values()
        for name in project.names.get("py:class", "").split()
        if "." in name
    }
    short = {"DataFrame": "pandas.DataFrame", "Series": "pandas.Series", "Path": "pathlib.Path"}
    short |= {"csr_array": "scipy.sparse.csr_array", "dtype": "numpy.dtype"}
    short |= {"bytes": "bytes", "set": "set", "frozenset": "frozenset"}
    found |= {name: f":class:`{name} <{full}>`" for name, full in short.items()}
    found["mapping"] = ":term:`python:mapping`"
    found["iterator"] = ":term:`python:iterator`"
    for name in api_table.NAMES:
        last = name.rpartition(".")[2]
        if last[0].isupper():
            found[last] = f":class:`{last} <{name}>`"
    return found
