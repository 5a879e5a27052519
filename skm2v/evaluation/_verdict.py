"""What the results mean for somebody who has to choose, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from skm2v.evaluation._formatting import TFIDF, percent, title
from skm2v.evaluation._task_types import BY_TYPE

if TYPE_CHECKING:
    from skm2v.evaluation._results import Evaluation
    from skm2v.evaluation._summary import Average

__all__ = ["TypeVerdict", "type_verdicts", "verdict"]


# Words need no model: they are chosen where their score is no further than this below the best one
# and nothing is clearly better. A wider margin would give away what few texts cannot prove.
WORDS_MARGIN = 0.005


class TypeVerdict(NamedTuple):
    """Which model to use for a type of task.

    Attributes
    ----------
    type : str
        Task type.
    model : str
        The model to use: the one with the highest score, or words where they are as good within
        half a point.
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
    zero. Words alone need no model, so that they are preferred where nothing is clearly better and
    their score is at most half a point below the highest.
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
        least = means[best].score - WORDS_MARGIN
        near = [n for n in equals if means[n].score >= least and _is_words(evaluation, n)]
        chosen = near[0] if near else best
        as_good = [name for name in [best, *equals] if name != chosen]
        worse = [name for name in others if name not in equals]
        verdicts.append(TypeVerdict(type, chosen, as_good, worse))
    return _for_all(
        verdicts, {n: sum(m.score for m in s.types.values()) for n, s in summaries.items()}
    )


def _for_all(verdicts: list[TypeVerdict], scores: dict[str, float]) -> list[TypeVerdict]:
    """Choose one model for all types, where one is not clearly worse than the best in any.

    Of several, the one that is chosen for some type already, then that with the largest scores.
    """
    good = [{one.model, *one.equals} for one in verdicts]
    common = set.intersection(*good) if good else set()
    chosen = [one.model for one in verdicts if one.model in common]
    if not chosen or len({one.model for one in verdicts}) == 1:
        return verdicts
    model = max(chosen, key=lambda name: scores[name])
    return [
        one._replace(model=model, equals=[n for n in [one.model, *one.equals] if n != model])
        for one in verdicts
    ]


def verdict(evaluation: Evaluation) -> list[str]:
    """Say in sentences which model to use.

    Parameters
    ----------
    evaluation : Evaluation
        The results.

    Returns
    -------
    list of str
        A sentence for all tasks, and one for each type of task where these differ or say more; last
        one for classifiers that were fitted before.
    """
    fitted = [result.model for result in evaluation.results if result.protocol.get("fitted_before")]
    return _which(evaluation) + [
        f"{name} was fitted before this run: texts that it was fitted to make its score too good."
        for name in dict.fromkeys(fitted)
    ]


def _which(evaluation: Evaluation) -> list[str]:
    """Sentences on which model to use."""
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
        sentences = [_of_one(evaluation, found, scores)]
    else:
        uses = [f"{evaluation.summary_of(name)} {_uses(types)}" for name, types in by_model.items()]
        sentences = [f"It depends on the task: use {'; '.join(uses)}."]
    for one in found:
        parts = [f"{title(one.type)}: {told([one.model], one.type)}"]
        parts += [f"as good: {told(one.equals, one.type)}"] if one.equals else []
        parts += [f"clearly worse: {told(one.worse, one.type)}"] if one.worse else []
        sentences.append("; ".join(parts) + ".")
    return sentences


def _of_one(
    evaluation: Evaluation, found: list[TypeVerdict], scores: dict[str, dict[str, Average]]
) -> str:
    """Say what to use where it is the same model for all types of task."""
    name = found[0].model
    words = evaluation.summary_of(name)
    if not any(one.equals for one in found):
        return f"{_at_start(evaluation, [name])} {_are(words)} best here."
    if not all(one.equals for one in found):
        return f"Use {words} here: best {_uses(found)}."
    if not any(one.worse for one in found):
        if _is_words(evaluation, name):
            return f"Use {words} here: it needs no model, and nothing is clearly better."
        return f"Use {words} here, but nothing is clearly better: these texts cannot tell."
    as_good = [other for other in found[0].equals if all(other in one.equals for one in found)]
    if not as_good:
        return f"Use {words} here: nothing is clearly better."
    printed = [{percent(scores[n][one.type].score) for n in [name, *as_good]} for one in found]
    if all(len(equal) == 1 for equal in printed):
        return f"{_at_start(evaluation, [name, *as_good])} are best, equally good."
    others = _listed([evaluation.summary_of(other) for other in as_good])
    are = "are" if len(as_good) > 1 else _are(others)
    return f"Use {words} here: {others} {are} as good, as far as these texts can tell."


def _uses(found: list[TypeVerdict]) -> str:
    """Say what a model is for, apart from where it is not clearly better than others."""
    decided = [title(one.type).lower() for one in found if not one.equals]
    open_ = [title(one.type).lower() for one in found if one.equals]
    parts = [f"for {_listed(decided)}"] if decided else []
    parts += [f"for {_listed(open_)}, where nothing is clearly better"] if open_ else []
    return ", and ".join(parts)


def _is_words(evaluation: Evaluation, name: str) -> bool:
    return evaluation.summary_of(name) == TFIDF


def _are(summary: str) -> str:
    return "are" if "vectors" in summary else "is"


def _at_start(evaluation: Evaluation, names: list[str]) -> str:
    """Models at the start of a sentence; a name that the user gave stays as it is."""
    listed = _listed([evaluation.summary_of(name) for name in names])
    given = evaluation.summary_of(names[0]) == names[0]
    return listed if given else listed[0].upper() + listed[1:]


def _both_names(evaluation: Evaluation, name: str) -> str:
    """What a model is called in a sentence, and in the tables below."""
    words = evaluation.summary_of(name)
    return words if words == name else f"{words} ({name})"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
