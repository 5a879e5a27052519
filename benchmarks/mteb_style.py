"""Script form of ``skm2v eval``: score models on tasks with MTEB's protocols.

python benchmarks/mteb_style.py --model default --model tfidf-svd --data ../shared/data
"""

from __future__ import annotations

import argparse
import sys

from skm2v._cli.evaluate import add_arguments, run
from skm2v.exceptions import Skm2vError


def main() -> int:
    """Run the evaluation that the arguments ask for."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    try:
        run(parser.parse_args())
    except Skm2vError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
