"""What the results mean for somebody who has to choose, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from skm2v.evaluation._formatting import TFIDF, percent, title
from skm2v.evaluation._task_types import BY_TYPE

if TYPE_CHECKING:
    from skm2v.evaluation._results import Evaluation

__all__ = ["TypeVerdict", "type_verdicts", "verdict"]


class TypeVerdict(NamedTuple):
    """Which model to use for a type of task.

    Attributes
    ----------
    type : str
        Task type.
    model : str
        The model to use: the one that needs least among those that are not clearly worse than the
        best.
    equals : list of str
        Other models that are not clearly worse than the best, best first.
    worse : list of str
        Models that are clearly worse, best first.
    """

    type: str
    model: str
    equals: list[str]
    worse: list[str]


def type_verdicts(evaluation: Evaluation) -> list[TypeVerdict]:
    """Choose a model for every task type that all models finished.

    A model is clearly worse if the 95 % interval of the paired difference of the means leaves out
    zero. Words alone need no model, so that they are preferred where nothing is clearly better.
    """
    summaries = {summary.model: summary for summary in evaluation.summaries()}
    types = [type for summary in summaries.values() for type in summary.types]
    counted = [t for t in dict.fromkeys(types) if t not in BY_TYPE or BY_TYPE[t].in_average]
    verdicts = []
    for type in counted:
        means = {name: summary.types[type] for name, summary in summaries.items()}
        ranked = sorted(means, key=lambda name: -means[name].score)
        best, others = ranked[0], ranked[1:]
        equals = [n for n in others if means[n].difference(means[best]).verdict != "worse"]
        chosen = next((n for n in equals if evaluation.summary_of(n) == TFIDF), best)
        as_good = [name for name in [best, *equals] if name != chosen]
        worse = [name for name in others if name not in equals]
        verdicts.append(TypeVerdict(type, chosen, as_good, worse))
    return verdicts


def verdict(evaluation: Evaluation) -> list[str]:
    """Say in sentences which model to use.

    Parameters
    ----------
    evaluation : Evaluation
        The results.

    Returns
    -------
    list of str
        A sentence for all tasks, and one for each type of task where these differ or say more.
    """
    found = type_verdicts(evaluation)
    if not found:
        return ["No task was finished by every model, so that there is nothing to compare."]
    if len(evaluation.models) == 1:
        return [
            f"Only {evaluation.models[0]} was run: whether a simpler model does as well, "
            "--model words would say."
        ]
    scores = {summary.model: summary.types for summary in evaluation.summaries()}

    def told(names: list[str], type: str) -> str:
        return ", ".join(
            f"{_both_names(evaluation, name)} {percent(scores[name][type].score)}" for name in names
        )

    by_model: dict[str, list[TypeVerdict]] = {}
    for one in found:
        by_model.setdefault(one.model, []).append(one)
    if len(by_model) == 1:
        [(name, same)] = by_model.items()
        sentences = [_of_one(evaluation, name, same)]
    else:
        uses = [
            f"{evaluation.summary_of(name)} for {_listed([title(t.type).lower() for t in types])}"
            for name, types in by_model.items()
        ]
        sentences = [f"It depends on the task: use {'; '.join(uses)}."]
    for one in found:
        parts = [f"{title(one.type)}: {told([one.model], one.type)}"]
        parts += [f"as good: {told(one.equals, one.type)}"] if one.equals else []
        parts += [f"clearly worse: {told(one.worse, one.type)}"] if one.worse else []
        sentences.append("; ".join(parts) + ".")
    return sentences


def _of_one(evaluation: Evaluation, name: str, found: list[TypeVerdict]) -> str:
    words = evaluation.summary_of(name)
    if all(one.equals for one in found):
        return f"Use {words} here: nothing is clearly better."
    start = words[0].upper() + words[1:]
    return f"{start} {'are' if 'vectors' in words else 'is'} best here."


def _both_names(evaluation: Evaluation, name: str) -> str:
    """What a model is called in a sentence, and in the tables below."""
    words = evaluation.summary_of(name)
    return words if words == name else f"{words} ({name})"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
