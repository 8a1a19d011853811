"""An evaluation on a terminal: it fits 80 columns, tells the figures, and no name moves the cursor."""

from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from saccade.cli.evaluation_tables import tables_of, write_tables
from unit.evaluation.examples import (
    classifier,
    detector,
    empty_classifier,
    empty_detector,
    evaluation,
    without_intervals,
)

DOCUMENTS = {
    "detector": evaluation(detector(failed=2)),
    "seven detectors": evaluation(*(detector(f"a@{number}", seed=number) for number in range(1, 8)), server="http://s"),
    "80 labels": evaluation(detector(labels=tuple(f"label {number}" for number in range(80)))),
    "without intervals": evaluation(without_intervals(detector()), resamples=0),
    "no picture": evaluation(empty_detector(), empty_classifier()),
    "no model": evaluation(),
    "classifiers": evaluation(classifier(failed=2), classifier("b@1", skill=0.5)),
    "large numbers": evaluation(replace(detector(), detection=replace(detector().detection, finds=10**9))),
}


def shown(document, *, width=80, color=None):
    """Return the lines that a terminal of so many columns would show."""
    console = Console(width=width, highlight=False, color_system=color, force_terminal=color is not None)
    with console.capture() as captured:
        for part in tables_of(document):
            console.print(part)
    return captured.get().splitlines()


def cells(lines, first):
    """Return the words of the first line that begins with a word."""
    return next(line.split() for line in lines if line.strip().startswith(first))


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_tables_fit_eighty_columns(document):
    """No line is longer than the terminal is wide, no figure is cut, nothing unknown is shown as Python has it."""
    lines = shown(document)

    assert max(map(cell_len, lines), default=0) <= 80
    assert [] == [line for line in lines if "None" in line or "nan" in line or "0.…" in line]
    assert lines[0].startswith("coins-dev")


@pytest.mark.parametrize(
    "name", ["x" * 400, "李伟" * 60, "يوسف الخطيب", "\x1b[2J\u202ed\r\n", "[red]name[/red]", "[/]"]
)
def test_names_of_strangers_stay_names(name):
    """Whatever models, labels, files, datasets and problems are called, the tables fit and nothing is obeyed."""
    found = [
        detector(name, labels=(name, f"{name}2"), names=[f"{name}{number}" for number in range(9)]),
        classifier(f"{name}b", labels=(name, f"{name}2"), failed=1),
    ]
    rows = tuple(replace(row, problem=name if row.problem else None) for row in found[1].rows)
    document = evaluation(found[0], replace(found[1], rows=rows), dataset=name, server=name)
    text = "\n".join(shown(document))

    assert max(map(cell_len, text.splitlines())) <= 80
    assert not {"\x1b", "\u202e", "\r"} & set(text)
    if name.startswith("["):
        assert f"{name[:10]}" in text


def test_figures_stand_beside_their_intervals():
    """Each figure of a model, and the ends of its interval, in one row."""
    model = detector()
    lines = shown(evaluation(model))
    coco, counts = model.detection.coco, model.detection.greedy[1]

    for title, figure in (("AP ", coco.ap), ("AP50", coco.ap50), ("AP75", coco.ap75), ("F1", counts.f1)):
        assert [f"{figure.value:.3f}", f"{figure.low:.3f}\u2013{figure.high:.3f}"] == cells(lines, title)[-2:]
    assert ["0"] == cells(lines, "Failed")[1:]


def test_counts_stand_at_each_overlap():
    """Right, false, missed, precision, recall and F1, greedily and by the Hungarian way."""
    model = detector()
    lines = [line.split() for line in shown(evaluation(model))]
    wanted = [
        [f"{each.iou:g}", str(each.true_positives), str(each.false_positives), str(each.false_negatives)]
        + [f"{figure.value:.3f}" for figure in (each.precision, each.recall, each.f1)]
        for each in (*model.detection.greedy, *model.detection.hungarian)
    ]

    assert wanted == [line for line in lines if line and line[0] in {"0.3", "0.5", "0.7", "0.9"}]
    assert lines.index(["greedy"]) < lines.index(wanted[0]) < lines.index(["Hungarian"]) < lines.index(wanted[-1])


def test_what_is_not_known_is_a_dash():
    """Of no picture each share is a dash, and each count zero."""
    lines = shown(evaluation(empty_detector()))

    assert {"AP": ["\u2013"], "F1": ["\u2013"], "ECE": ["\u2013"]} == {
        name: cells(lines, name)[1:] for name in ("AP", "F1", "ECE")
    }
    assert ["0.5", "0", "0", "0", "\u2013", "\u2013", "\u2013"] == cells(lines, "0.5")


def test_best_has_a_star_also_where_models_stand_below_each_other():
    """Of seven models three stand beside each other; the best AP has the star, in whichever table it is."""
    models = [
        replace(empty_detector(f"m@{n}"), detection=None, figures={"ap": n / 10, "failed": 0.0}) for n in range(7)
    ]
    lines = shown(evaluation(*models))
    rows = [line.split() for line in lines if line.strip().startswith("AP")]

    assert [["AP", "0.000", "0.100", "0.200"], ["AP", "0.300", "0.400", "0.500"], ["AP", "*", "0.600"]] == rows
    assert 1 == sum(line.startswith("* the best.") for line in lines)
    assert not [line for line in shown(evaluation(models[0])) if line.startswith("* ")]


def test_colour_says_nothing_that_words_do_not():
    """With colours and without, the same letters are shown."""
    import re

    document = DOCUMENTS["seven detectors"]
    colored = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown(document, color="standard")]

    assert colored == shown(document)


def test_worst_and_most_confused_come_first():
    """The first picture has the largest badness; the first pair is the most frequent one; the rest is counted."""
    model = detector()
    worst = max(model.rows, key=lambda row: row.badness)
    lines = shown(evaluation(model))
    at = next(number for number, line in enumerate(lines) if "Worst pictures" in line)

    assert [worst.name, str(worst.truths), str(worst.true_positives)] == lines[at + 2].split()[:3]
    pairs = shown(evaluation(classifier()))
    counts = [int(line.split()[2]) for line in pairs if line.endswith("% ")]
    assert counts == sorted(counts, reverse=True)
    assert 5 == len(counts)
    assert any(line.startswith("and ") and "more pairs: see the report" in line for line in pairs)


def test_problems_and_cautions_are_told():
    """How many pictures failed and why, and what to know before figures are used."""
    lines = shown(DOCUMENTS["detector"])

    assert "2 pictures could not be answered:" in lines
    assert "  2 times image_unreadable: It ends too early." in lines
    assert any(line.startswith("- Only 29 pictures") for line in lines)


def test_long_name_of_a_picture_shows_its_beginning_and_its_end():
    """What is left out is in the middle: the folder says of what it is, the end says which."""
    name = f"batch-7/{'x' * 60}/scan-0042.png"
    document = evaluation(detector(names=[name] * 3))
    cut = {line.split()[0] for line in shown(document) if line.strip().startswith("batch-7/")}

    assert cut == {f"batch-7/xx\u2026{'x' * 7}/scan-0042.png"}


@pytest.mark.parametrize("width", [80, 120])
def test_no_heading_stands_over_nothing(width):
    """Of a classifier that is always right there is nothing to tell below the comparison; of no model not even that."""
    always_right = classifier("right@1", skill=1.1, unsaid=0)
    lines = shown(evaluation(always_right, classifier("wrong@1", skill=0.5)), width=width)

    assert not any(line.strip() == "right@1" for line in lines)
    assert any(line.strip() == "wrong@1" for line in lines)
    assert not any("interval" in line for line in shown(evaluation(resamples=1000), width=width))


def test_tables_go_to_stdout(capsys):
    """What a script reads is the tables, without colours."""
    write_tables(DOCUMENTS["detector"])

    out = capsys.readouterr()
    assert (out.err, "\x1b" in out.out) == ("", False)
    assert "Hungarian" in out.out
