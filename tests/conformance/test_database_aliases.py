"""Aliases and evaluations on every database: one of two who change wins, and what was changed stays on record."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from saccade.backends.database.aliases import SqlAliases
from saccade.backends.database.evaluations import SqlEvaluations
from saccade.errors import AliasMoved
from saccade.jobs.ids import new_id
from saccade.models.aliases import Alias, ChangeKind, NewChange
from saccade.models.evaluations import EvaluationRecord, dataset_beginning

COINS, NUTS = "coins sha256:c0", "« Muttern » \U0001f529 sha256:77"


@pytest.fixture
def aliases(db):
    return SqlAliases(db.database)


@pytest.fixture
def evaluations(db):
    return SqlEvaluations(db.database)


def new_change(version=1, *, kind=ChangeKind.PROMOTE, alias="prod", name="cat", digest=None, **fields):
    if kind is ChangeKind.REMOVE:
        return NewChange(name, alias, kind, None, None, "ada", **fields)
    return NewChange(name, alias, kind, f"{name}@{version}", digest or f"sha256:{version}", "ada", **fields)


def change(aliases, *words, **fields):
    """Change an alias as it is now."""
    new = new_change(*words, **fields)
    return aliases.change(new, seen=aliases.find(new.name, new.alias))


def new_record(**fields):
    known = {
        "id": new_id(),
        "name": "cat",
        "model": "cat@1",
        "digest": "sha256:1",
        "task": "image-classification",
        "dataset": COINS,
        "images": 12,
        "figures": {"f1@0.5": 0.1 + 0.2, "top1": 1.0, "lowest": 5e-324, "most": -1e15},
        "principal": "ada",
    }
    return EvaluationRecord(**{**known, **fields})


def test_change_is_kept_as_it_was_made(aliases):
    """Every field comes back, figures to the last bit, and what was not given is not there."""
    assert aliases.find("cat", "prod") is None
    first = change(aliases)
    figures = {"f1@0.5": 0.1 + 0.2, "ap": 1e-300}
    grounds = {"condition": "f1@0.5 > 0.3", "evaluation_id": new_id(), "figures": figures}
    second = change(aliases, 2, **grounds)

    assert aliases.history("cat") == [second, first]
    assert (first.condition, first.evaluation_id, first.figures, first.replaced) == (None, None, None, None)
    assert {name: getattr(second, name) for name in grounds} == grounds
    assert (second.model, second.digest) == ("cat@2", "sha256:2")
    assert (second.replaced, second.replaced_digest) == ("cat@1", "sha256:1")
    assert (second.principal, second.kind) == ("ada", ChangeKind.PROMOTE)
    assert second.id > first.id
    assert second.created_at_us >= first.created_at_us > 1_700_000_000_000_000


def test_alias_is_what_the_last_change_made_of_it(aliases):
    """It rests on its promotion; one rolled back rests on an older one; one taken away is not there."""
    first, second = change(aliases), change(aliases, 2)
    assert aliases.find("cat", "prod") == Alias("cat", "prod", "cat@2", "sha256:2", second.id, second.created_at_us)
    back = change(aliases, kind=ChangeKind.ROLLBACK, rests_on=first.id)
    assert aliases.find("cat", "prod") == Alias("cat", "prod", "cat@1", "sha256:1", first.id, back.created_at_us)
    gone = change(aliases, kind=ChangeKind.REMOVE)

    assert aliases.find("cat", "prod") is None
    assert (gone.model, gone.digest, gone.replaced, gone.replaced_digest) == (None, None, "cat@1", "sha256:1")
    assert [each.kind.value for each in aliases.history("cat")] == ["remove", "rollback", "promote", "promote"]


def test_aliases_and_models_are_apart(aliases):
    """Another alias and another model, even one called almost the same, keep their own."""
    made = [change(aliases, name=name, alias=alias) for name in ("cat", "cat-2") for alias in ("prod", "candidate")]

    assert {(each.name, each.alias, each.model) for each in aliases.all()} == {
        (name, alias, f"{name}@1") for name in ("cat", "cat-2") for alias in ("prod", "candidate")
    }
    assert aliases.history("cat") == [made[1], made[0]]
    assert aliases.history("cat", alias="prod") == [made[0]]
    assert aliases.history("dog") == []


def test_history_is_as_long_as_was_asked(aliases):
    """The newest come first, no more than wanted."""
    made = [change(aliases, version) for version in range(1, 6)]

    assert aliases.history("cat", limit=2) == [made[4], made[3]]
    assert aliases.history("cat", limit=None) == made[::-1]


def test_who_saw_something_else_changes_nothing(aliases):
    """Neither who saw nothing, nor who saw what was before, nor who saw what is gone."""
    first = change(aliases)
    old = aliases.find("cat", "prod")
    second = change(aliases, 2)
    for seen in (None, old):
        with pytest.raises(AliasMoved):
            aliases.change(new_change(3), seen=seen)
    now = aliases.find("cat", "prod")
    third = change(aliases, kind=ChangeKind.REMOVE)
    with pytest.raises(AliasMoved):
        aliases.change(new_change(3), seen=now)

    assert aliases.all() == []
    assert aliases.history("cat") == [third, second, first]


@pytest.mark.parametrize("kind", [None, *ChangeKind])
def test_one_of_two_at_once_wins(aliases, kind):
    """Of those who saw the same and change at the same moment one does it; the others are told, and leave no trace."""
    for number in range(12):
        name = f"cat-{number}"
        if kind is not None:
            change(aliases, name=name)
        seen, start, before = aliases.find(name, "prod"), threading.Barrier(2), len(aliases.history(name))

        def race(version, name=name, seen=seen, start=start):
            new = new_change(version, name=name, kind=kind or ChangeKind.PROMOTE)
            start.wait(20)
            try:
                return aliases.change(new, seen=seen)
            except AliasMoved:
                return None

        with ThreadPoolExecutor(2) as pool:
            made = [each for each in pool.map(race, (2, 3)) if each is not None]
        found = aliases.find(name, "prod")

        assert len(made) == 1
        assert aliases.history(name)[: len(aliases.history(name)) - before] == made
        assert (None if found is None else found.model) == made[0].model


def test_one_change_is_found_by_its_id(aliases):
    """Whatever was changed after it; an id that was never given finds nothing."""
    made = [change(aliases), change(aliases, 2), change(aliases, kind=ChangeKind.REMOVE)]

    assert [aliases.made(each.id) for each in made] == made
    assert aliases.made(made[-1].id + 1000) is None


def test_evaluation_is_kept_as_it_was(evaluations):
    """Every field comes back, figures to the last bit; the database says when."""
    record = new_record(dataset=NUTS)
    kept = evaluations.add(record)

    assert kept.created_at_us > 1_700_000_000_000_000
    assert kept == EvaluationRecord(**{**_fields(record), "created_at_us": kept.created_at_us})
    assert evaluations.newest("cat", "sha256:1") == kept
    assert evaluations.list("cat") == [kept]


def test_evaluation_added_twice_is_kept_once_and_as_it_was_first(evaluations):
    """A client that sends again after a lost answer finds what it sent; nobody changes figures afterwards."""
    record = new_record()
    first = evaluations.add(record)
    second = evaluations.add(new_record(id=record.id, figures={"top1": 0.0}, principal="eve"))

    assert second == first
    assert evaluations.list("cat") == [first]


def test_evaluation_added_by_two_at_once_is_kept_once(evaluations):
    """Both who send the same at the same moment are answered with it."""
    for _ in range(8):
        record, start = new_record(), threading.Barrier(2)

        def add(_, record=record, start=start):
            start.wait(20)
            return evaluations.add(record)

        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(add, range(2))

        assert one == other
        assert evaluations.list("cat", limit=1) == [one]
    assert len(evaluations.list("cat")) == 8


def test_newest_is_of_exactly_these_files_and_this_dataset(db, evaluations):
    """Other files of the same version, other datasets and other models do not count."""
    ids = [f"0190000{number}-0000-7000-8000-000000000000" for number in range(6)]
    made = {
        "old": new_record(id=ids[0]),
        "new": new_record(id=ids[2]),
        "between": new_record(id=ids[1]),
        "nuts": new_record(id=ids[3], dataset=NUTS),
        "other files": new_record(id=ids[4], digest="sha256:2"),
        "other model": new_record(id=ids[5], name="dog", model="dog@1"),
    }
    for record in made.values():
        evaluations.add(record)
    written_at(db, {made[name].id: at for at, name in enumerate(("old", "between", "new", "nuts"))})

    assert evaluations.newest("cat", "sha256:1").id == made["nuts"].id
    assert evaluations.newest("cat", "sha256:1", dataset=COINS).id == made["new"].id
    assert evaluations.newest("cat", "sha256:1", dataset=NUTS).id == made["nuts"].id
    assert evaluations.newest("cat", "sha256:1", dataset=NUTS.partition(" sha256:")[0]).id == made["nuts"].id
    assert evaluations.newest("cat", "sha256:2", dataset=NUTS) is None
    assert evaluations.newest("cat", "sha256:3") is None
    assert evaluations.newest("dog", "sha256:1").id == made["other model"].id


def test_list_goes_from_newest_to_oldest_by_pages(evaluations):
    """Pages that follow each other hold every evaluation once."""
    made = [evaluations.add(new_record(id=f"0190000{number}-0000-7000-8000-000000000000")) for number in range(5)]
    evaluations.add(new_record(name="dog", model="dog@1"))
    first = evaluations.list("cat", limit=2)
    second = evaluations.list("cat", after=first[-1].id, limit=2)
    third = evaluations.list("cat", after=second[-1].id, limit=2)

    assert [*first, *second, *third] == made[::-1]


def test_newest_is_what_the_database_wrote_last(db, evaluations):
    """Ids are the clients': one whose clock is years ahead does not stay the newest, nor lead the list."""
    ahead, now, same = (
        new_record(id=f"{time}-0000-7000-8000-000000000000") for time in ("02900000", "01900000", "01900001")
    )
    for record in (ahead, now, same):
        evaluations.add(record)
    written_at(db, {ahead.id: 1, now.id: 2, same.id: 2})

    assert evaluations.newest("cat", "sha256:1").id == same.id
    assert [each.id for each in evaluations.list("cat")] == [same.id, now.id, ahead.id]
    pages = [evaluations.list("cat", after=after, limit=1) for after in (same.id, now.id, ahead.id)]
    assert [[each.id for each in page] for page in pages] == [[now.id], [ahead.id], []]


@pytest.mark.parametrize(
    "name", ["coins", "100%", "co_ns", "a\\b", "it's", "« Muttern »", "coins ", "\U0001f529" * 170]
)
def test_dataset_is_found_by_its_name_alone(db, evaluations, name):
    """By the name that it was evaluated under, or all that is on record; no letter of it is a pattern."""
    record = evaluations.add(new_record(dataset=f"{name} sha256:{'c0' * 32}"))
    for number, other in enumerate((f"{name}x", f"x{name}", "COINS", "cozns", "100x", f"{name} sha256:1 more"), 1):
        kept = evaluations.add(new_record(dataset=f"{other[:180]} sha256:{'d0' * 32}"))
        written_at(db, {kept.id: 2_000_000_000_000_000 + number})

    assert evaluations.newest("cat", "sha256:1", dataset=name).dataset == record.dataset
    assert evaluations.newest("cat", "sha256:1", dataset=record.dataset).id == record.id
    for none in (name[:-1], f"{name} sha256:", "%", "", "c0", "\0"):
        assert evaluations.newest("cat", "sha256:1", dataset=none) is None


def test_long_name_of_a_dataset_finds_what_was_kept_of_it(evaluations):
    """A name that is too long for the column is cut when it is written down, and so is the one that is asked for."""
    record = evaluations.add(new_record(dataset=f"{dataset_beginning('n' * 300)}{'c0' * 32}"))

    assert evaluations.newest("cat", "sha256:1", dataset="n" * 300) == record


def written_at(db, times):
    """Let evaluations have been written at these moments."""
    for id_, at in times.items():
        db.run("UPDATE evaluation SET created_at = :at WHERE id = :id", id=id_, at=at)


def _fields(record):
    return {name: getattr(record, name) for name in EvaluationRecord.__dataclass_fields__}
