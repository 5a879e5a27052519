"""A bar for the minutes that a teacher needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skm2v.distill.extras import import_extra

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(
    total: int, show: bool, unit: str = "tokens"
) -> Iterator[Callable[[int], object] | None]:
    """Show a bar on standard error; gives what to call with the number of finished items."""
    if not show:
        yield None
        return
    # tqdm comes with transformers and huggingface_hub.
    with import_extra("tqdm").tqdm(total=total, desc="Teacher", unit=f" {unit}") as bar:
        yield bar.update
