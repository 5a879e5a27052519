"""A bar for the minutes that a teacher needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skm2v._distillation.teacher.extras import import_extra

__all__ = ["Progress", "ignore", "progress_bar"]

Progress = Callable[[int], object]  # takes the number of items that were just finished


def ignore(n_items: int) -> None:
    """Show nothing."""


@contextmanager
def progress_bar(
    total: int, show: bool, unit: str = "tokens", name: str = "Teacher"
) -> Iterator[Progress | None]:
    """Show a bar on standard error; gives what to call with the number of finished items."""
    if not show:
        yield None
        return
    # tqdm comes with transformers and huggingface_hub.
    with import_extra("tqdm").tqdm(total=total, desc=name, unit=f" {unit}") as bar:
        yield bar.update
