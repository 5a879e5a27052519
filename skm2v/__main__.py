"""``python -m skm2v``: the ``skm2v`` command."""

from skm2v._cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
