"""What a model calls things and what the truth calls them: brought together, and told where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from saccade.errors import ParameterInvalid
from saccade.evaluation.reading import listed


@dataclass(frozen=True, slots=True)
class Naming:
    """How a model's labels are called in figures.

    Attributes:
        names: From the model's label to the truth's; those that are missing keep their own.
        remarks: Sentences on what was done, and on labels that only one side knows.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def naming_of(model: str, said: Sequence[str], known: Sequence[str], wanted: Mapping[str, str]) -> Naming:
    """Bring a model's labels and the truth's together, before anything is run.

    Where each side has a single label and they differ, they mean the same: there is nothing else to find.

    Args:
        model: Its name, for sentences.
        said: The model's labels; empty where its package names none, and then nothing can be told before.
        known: The truth's.
        wanted: From the model's label to the truth's, as it was asked for.

    Raises:
        ParameterInvalid: No label is on both sides, so that every figure would be 0.
    """
    names = {label: name for label, name in wanted.items() if label in said or not said}
    remarks: list[str] = []
    if len(said) == len(known) == 1 and not names and said[0] != known[0]:
        names = {said[0]: known[0]}
        remarks.append(f"What {model} calls {said[0]!r} is held against {known[0]!r}: each side has this one label.")
    if not said:
        return Naming(names, tuple(remarks))
    called = dict.fromkeys(names.get(label, label) for label in said)
    strange = [label for label in called if label not in known]
    unsaid = [label for label in known if label not in called]
    if len(strange) == len(called):
        raise ParameterInvalid(
            f"{model} and the truth have no label in common: it says {listed(list(called))},"
            f" the truth knows {listed(list(known))}.",
            hint="Give --label-map MODEL=TRUTH for each label that means the same.",
        )
    if strange:
        remarks.append(f"{model} has labels that the truth does not know: {listed(strange)}.")
    if unsaid:
        remarks.append(f"The truth has labels that {model} never says: {listed(unsaid)}.")
    return Naming(names, tuple(remarks))


def read_label_map(pairs: Sequence[str]) -> dict[str, str]:
    """Read what ``--label-map`` was given.

    Args:
        pairs: ``model=truth`` each.

    Raises:
        ParameterInvalid: One is no such pair, or a label of the model is given twice.
    """
    wanted: dict[str, str] = {}
    for pair in pairs:
        label, _, name = pair.partition("=")
        if not label or not name:
            raise ParameterInvalid(f"--label-map {pair!r} is not of the form MODEL=TRUTH.")
        if wanted.setdefault(label, name) != name:
            raise ParameterInvalid(f"--label-map gives {label!r} two names.")
    return wanted


def require_used(wanted: Mapping[str, str], said: Sequence[Sequence[str]], known: Sequence[str]) -> None:
    """Refuse a label map of labels that nobody says, or of names that the truth does not know: they are misspelt.

    Args:
        wanted: From the models' labels to the truth's.
        said: The labels of each model; one without any may say anything.
        known: The truth's labels.

    Raises:
        ParameterInvalid: There is one.
    """
    for label, name in wanted.items():
        if name not in known:
            raise ParameterInvalid(f"--label-map: the truth has no label {name!r}; it has {listed(list(known))}.")
        if all(labels and label not in labels for labels in said):
            raise ParameterInvalid(f"--label-map: no model has the label {label!r}.")
