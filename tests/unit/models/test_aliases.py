"""Aliases as they stand after many changes, seen by threads that look at once, and what people are told of them."""

import threading
from dataclasses import dataclass, field

import pytest

from saccade.backends.database.aliases import SqlAliases
from saccade.backends.database.evaluations import SqlEvaluations
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.errors import DatabaseUnreachable, ModelFailed, ModelUnknown, NothingToRollBack
from saccade.models.aliases import Change, ChangeKind, standing
from saccade.models.package import ModelCard
from saccade.models.prediction import Task
from saccade.models.promotion import Promoter
from saccade.models.status import ModelState, ModelStatus


@dataclass
class Shelf:
    """Versions by the digest of their files and their state, and what aliases were last said to mean."""

    known: dict = field(default_factory=lambda: {f"cat@{letter}": f"digest {letter}" for letter in "abcd"})
    failed: set = field(default_factory=set)
    aliases: dict = field(default_factory=dict)

    def status(self, reference):
        if reference not in self.known:
            raise ModelUnknown(f"There is no model {reference!r}.")
        name, _, version = reference.partition("@")
        card = ModelCard(
            name=name,
            version=version,
            task=Task.IMAGE_CLASSIFICATION,
            family="plugin",
            engine="python",
            labels=("cat",),
            layout="test",
            digest=self.known[reference],
        )
        state = ModelState.FAILED if reference in self.failed else ModelState.READY
        detail = "load() raised" if reference in self.failed else None
        return ModelStatus(card, reference, state, default=False, detail=detail, loaded_at=None, runtime=None)

    def statuses(self):
        return tuple(self.status(reference) for reference in self.known)

    def set_aliases(self, aliases):
        self.aliases = dict(aliases)


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def promoter(shelf, tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/saccade.db")
    migrate(database)
    yield Promoter(SqlAliases(database), SqlEvaluations(database), shelf)
    database.close()


def walk(promoter, steps):
    """Promote each letter's version, roll back at ``<``, take the alias away at ``x``; return what prod means."""
    for step in steps:
        if step == "<":
            promoter.rollback("cat", principal="ada")
        elif step == "x":
            promoter.remove("cat", principal="ada", alias="prod")
        else:
            promoter.promote(f"cat@{step}", principal="ada")
    found = promoter.aliases.find("cat", "prod")
    return None if found is None else found.model.removeprefix("cat@")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("", ""),
        ("a", "a"),
        ("ab", "ab"),
        ("ab<", "a"),
        ("ab<c", "ac"),
        ("aca<<", "a"),
        ("aca<<b", "ab"),
        ("abx", ""),
        ("abxc", "c"),
        ("abcd<<b<", "ab"),
        ("aab<", "aa"),
    ],
)
def test_alias_stands_on_what_was_not_rolled_away(steps, expected):
    """Of each history: the promotions that rollbacks may still go back to, the one in force last."""
    kinds = {"<": ChangeKind.ROLLBACK, "x": ChangeKind.REMOVE}
    history = [
        Change(number, "cat", "prod", kinds.get(step, ChangeKind.PROMOTE), step, *[None] * 5, {}, "ada", 0)
        for number, step in enumerate(steps)
    ]

    assert "".join(each.model for each in standing(history)) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [("abc<", "b"), ("abc<<", "a"), ("ab<c<", "a"), ("aca<<b<", "a"), ("aab<", "a"), ("abxcd<", "c")],
)
def test_rollbacks_go_back_step_by_step(promoter, steps, expected):
    """Whatever was promoted and rolled back before."""
    assert walk(promoter, steps) == expected


@pytest.mark.parametrize("steps", ["a", "ab<", "aca<<b<", "abxc", "ab<c<"])
def test_rollback_never_comes_to_what_was_rolled_away_from(promoter, steps):
    """At the first promotion the way back ends, also when the same version was in service again in between."""
    before = walk(promoter, steps)
    with pytest.raises(NothingToRollBack):
        walk(promoter, "<")

    assert walk(promoter, "") == before


def test_way_back_is_as_long_as_the_way(promoter):
    """More changes than a page of the history has do not hide where the alias came from."""
    assert walk(promoter, "a" + "bc" * 60) == "c"
    assert walk(promoter, "<" * 120) == "a"
    with pytest.raises(NothingToRollBack):
        walk(promoter, "<")


def test_what_was_read_before_a_change_is_not_set_after_it(promoter, shelf):
    """A look that began before a promotion and ends behind it does not undo it in this process."""
    has_read, go_on = threading.Event(), threading.Event()
    walk(promoter, "a")

    class Slow(SqlAliases):
        def all(self):
            found = super().all()
            if threading.current_thread() is watcher:
                has_read.set()
                go_on.wait(20)
            return found

    promoter.aliases = Slow(promoter.aliases._database)
    watcher = threading.Thread(target=promoter.observe)
    watcher.start()
    assert has_read.wait(20)
    promoting = threading.Thread(target=walk, args=(promoter, "b"))
    promoting.start()
    promoting.join(0.3)  # it may end before the look does, or wait for it
    go_on.set()
    promoting.join(20)
    watcher.join(20)

    assert shelf.aliases == {("cat", "prod"): ("cat@b", "digest b")}


def test_promotion_that_is_done_is_no_failure(promoter, shelf):
    """When the database goes away behind the commit, whoever asked is not told to ask again."""
    walk(promoter, "ab")

    class Leaving(SqlAliases):
        def all(self):
            raise DatabaseUnreachable("It went away.")

    promoter.aliases = Leaving(promoter.aliases._database)
    change = promoter.rollback("cat", principal="ada")

    assert (change.model, promoter.aliases.find("cat", "prod").model) == ("cat@a", "cat@a")


def test_version_that_cannot_be_loaded_is_not_put_in_service(promoter, shelf):
    """Neither by promotion nor by rollback: everybody would be refused from then on."""
    walk(promoter, "ab")
    shelf.failed = {"cat@a", "cat@c"}
    for step in ("c", "<"):
        with pytest.raises(ModelFailed, match=r"cannot be loaded: load\(\) raised"):
            walk(promoter, step)

    assert walk(promoter, "") == "b"


def test_what_is_wrong_with_an_alias_is_told(promoter, shelf):
    """Where the version is missing or has other files, whoever looks learns it, and the history stays."""

    def told():
        [(alias, problem)], history = promoter.told("cat")
        assert (alias.model, len(history)) == ("cat@a", 1)
        return problem

    walk(promoter, "a")
    said = [told()]
    shelf.known["cat@a"] = "other"
    said.append(told())
    del shelf.known["cat@a"]
    said.append(told())
    shelf.known = {}
    said.append(told())

    assert said == [
        None,
        "cat@a has other files now than those that were promoted.",
        "cat@a is not here.",
        "cat@a is not here.",
    ]


def test_model_that_never_was_has_no_aliases_to_tell(promoter):
    """An unknown name is told, a known one without aliases has an empty list."""
    assert promoter.told("cat") == ([], [])
    with pytest.raises(ModelUnknown):
        promoter.told("dog")
