"""What a fit did, for reading and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from types import MappingProxyType
from typing import Any

from skm2v._model import Core
from skm2v._model.state import SealedState

__all__ = ["FitReport"]


# What a run measures of itself: it differs where everything else is equal.
MEASURED = frozenset({"seconds", "peak_memory_mb"})


class FitReport(SealedState, Mapping[str, Any]):
    """A read-only mapping of what a fit did, which notebooks show as a table.

    Seconds and memory are those of one run: they do not count when reports are compared, and
    pickles leave them out, so that equal fits have equal pickles. :meth:`to_dict` has everything,
    for whoever wants to keep them.

    Parameters
    ----------
    values : mapping of str to Any
        Plain data: strings, numbers, None, and mappings of these.

    Examples
    --------
    >>> from skm2v import StaticEmbedder
    >>> report = StaticEmbedder().fit(["a cat", "a dog"]).fit_report_
    >>> report["objective"], report["n_components"]
    ('sentences', 256)
    """

    __module__ = "skm2v"

    _state_warns = False  # what it says stays true

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = {name: _frozen(value) for name, value in values.items()}

    @classmethod
    def of_model(cls, model: Core, **facts: Any) -> FitReport:
        """Describe a model, then what else there is to say.

        Parameters
        ----------
        model : Core
            The core of a model.
        **facts
            What else there is to say, by name.

        Returns
        -------
        report : FitReport
            The description.
        """
        config = model.config
        return cls(
            {
                "source": config.source or config.teacher,
                "revision": config.source_revision or config.revision,
                "licence": config.licence,
                "objective": config.objective,
                "n_tokens": model.tokenizer.n_tokens,
                "n_components": model.dim,
                "dtype": model.table.rows.dtype.name,
                **facts,
            }
        )

    def updated(self, model: Core, **facts: Any) -> FitReport:
        """Return the report with another model's description and more facts.

        Parameters
        ----------
        model : Core
            The core of the other model.
        **facts
            Facts that are added or replaced, by name.

        Returns
        -------
        report : FitReport
            A new report.
        """
        return FitReport({**self._values, **FitReport.of_model(model, **facts)})

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.to_dict()!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return bool(self._reproducible() == _plain(other, measured=False))

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> FitReport:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FitReport:
        return self

    def _plain_state(self) -> dict[str, Any]:
        return {"values": self._reproducible()}

    def _restore(self, state: dict[str, Any]) -> None:
        FitReport.__init__(self, state["values"])

    def _reproducible(self) -> dict[str, Any]:
        plain: dict[str, Any] = _plain(self._values, measured=False)
        return plain

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts.

        Returns
        -------
        values : dict
            With everything, times included.
        """
        plain: dict[str, Any] = _plain(self._values)
        return plain

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name.replace('_', ' '))}</th>"
            f"<td>{_cell(value)}</td></tr>"
            for name, value in self._values.items()
        )
        return f"<table class='skm2v-fit-report'><tbody>{rows}</tbody></table>"


def _frozen(value: Any) -> Any:
    """Mappings that cannot be changed, all the way down."""
    if not isinstance(value, Mapping):
        return value
    return MappingProxyType({name: _frozen(item) for name, item in value.items()})


def _plain(value: Any, *, measured: bool = True) -> Any:
    """Dicts, all the way down, with or without what a run measures of itself."""
    if not isinstance(value, Mapping):
        return value
    return {
        name: _plain(item, measured=measured)
        for name, item in value.items()
        if measured or name not in MEASURED
    }


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return "<br>".join(
            f"{escape(str(name).replace('_', ' '))}: {_cell(item)}" for name, item in value.items()
        )
    if isinstance(value, float):
        return f"{value:.4g}"
    return escape("–" if value is None else str(value))
