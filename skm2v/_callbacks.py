"""Callbacks of scikit-learn that follow a fit, where there are any."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from sklearn.utils.metaestimators import available_if

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CallbackSupport"]

# Looking for the specification does not import the module, which costs more than all of ours.
_HAS_CALLBACKS = find_spec("sklearn.callback") is not None


class CallbackSupport:
    """A mixin for estimators whose `fit` is one task."""

    @available_if(lambda self: _HAS_CALLBACKS)  # type: ignore[untyped-decorator]
    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set callbacks that follow `fit` (scikit-learn 1.9 or newer).

        Parameters
        ----------
        *callbacks : callback instances
            Such as :class:`sklearn.callback.ProgressBar`. None at all removes those set.

        Returns
        -------
        self : estimator
        """
        from sklearn.callback import CallbackSupportMixin

        CallbackSupportMixin.set_callbacks(self, *callbacks)
        return self

    def _begin_task(self, X: Any, y: Any) -> Any:
        """Tell callbacks of scikit-learn that a fit begins; None if nobody listens."""
        if not (hasattr(self, "_skl_callbacks") or hasattr(self, "_parent_callback_ctx")):
            return None
        from sklearn.callback import CallbackSupportMixin

        task = CallbackSupportMixin._init_callback_context(self)
        return task.call_on_fit_task_begin(estimator=self, X=X, y=y)
