"""Only the optional compiled extensions live here; everything else is in pyproject.toml."""

import os
import sys
from glob import glob

from setuptools import Extension, setup

CSRC = "skm2v/_pooling/csrc"
SCAN = "skm2v/_pairs/csrc"

# Every result is the same to the bit on every CPU: no fast-math, no fused multiply-add, and no
# arithmetic of float32 in more digits, which is what -std=c11 means on some machines (s390x).
if sys.platform == "win32":
    compile_args = ["/O2", "/fp:precise", "/std:c11"]
else:
    compile_args = ["-O3", "-std=gnu11", "-ffp-contract=off", "-fno-math-errno"]
sanitize = os.environ.get("SKM2V_SANITIZE")  # e.g. "address,undefined", for development
link_args = []
if sanitize:
    compile_args += [f"-fsanitize={sanitize}", "-g", "-O1", "-fno-omit-frame-pointer"]
    link_args += [f"-fsanitize={sanitize}"]

common = {
    "extra_compile_args": compile_args,
    "extra_link_args": link_args,
    # Without a compiler the pure Python paths give the same results, only later.
    "optional": os.environ.get("SKM2V_REQUIRE_EXT") != "1",
}

kernel = Extension(
    "skm2v._pooling._kernel",
    sources=["skm2v/_pooling/_kernel.pyx", *sorted(glob(f"{CSRC}/*.c"))],
    depends=sorted(glob(f"{CSRC}/*.h")),
    include_dirs=[CSRC],
    **common,
)
scan = Extension(
    "skm2v._pairs._scan",
    sources=["skm2v/_pairs/_scan.pyx", *sorted(glob(f"{SCAN}/*.c"))],
    depends=[*sorted(glob(f"{SCAN}/*.h")), f"{CSRC}/platform.h"],
    include_dirs=[SCAN, CSRC],
    **common,
)

# Where the repository is published, as "https://forge/owner/name": a fork has addresses of its own.
repository = os.environ.get("SKM2V_REPOSITORY", "").rstrip("/")
# Where its site is published, if it is: the "?" of an estimator leads there (skm2v/_doc_link.py).
site = os.environ.get("SKM2V_SITE", "").rstrip("/")
pages = {"Documentation": f"{site}/", "API": f"{site}/api"} if site else {}
urls = {
    "Documentation": f"{repository}/blob/main/docs/index.md",
    "Source": repository,
    "Issues": f"{repository}/issues",
    "Changelog": f"{repository}/blob/main/CHANGES.md",
}

setup(ext_modules=[kernel, scan], project_urls={**(urls if repository else {}), **pages})
