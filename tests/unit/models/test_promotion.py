"""Promotion over a real database: what is asked of a version before it goes in service, and the way back."""

from dataclasses import dataclass, field

import pytest

from saccade.backends.database.aliases import SqlAliases
from saccade.backends.database.evaluations import SqlEvaluations
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.errors import (
    AliasMoved,
    AliasUnknown,
    ConditionInvalid,
    EvaluationMissing,
    ModelFailed,
    ModelUnknown,
    NothingToRollBack,
    ParameterInvalid,
    PromotionRefused,
)
from saccade.jobs.ids import new_id
from saccade.models.aliases import Alias, ChangeKind, NewChange
from saccade.models.evaluations import EvaluationRecord
from saccade.models.package import ModelCard
from saccade.models.prediction import Task
from saccade.models.promotion import Promoter
from saccade.models.status import ModelState, ModelStatus

COINS, NUTS = "coins sha256:c0", "nuts sha256:77"


@dataclass
class Shelf:
    """Versions by the digest of their files, and what aliases were last said to mean."""

    digests: dict = field(default_factory=lambda: {"cat@1": "d1", "cat@2": "d2", "cat@3": "d3", "cat@4": None})
    aliases: dict = field(default_factory=dict)

    def status(self, reference):
        if reference not in self.digests:
            raise ModelUnknown(f"There is no model {reference!r}.")
        digest, (name, _, version) = self.digests[reference], reference.partition("@")
        card = ModelCard(
            name=name,
            version=version,
            task=Task.IMAGE_CLASSIFICATION,
            family="plugin",
            engine="python",
            labels=("cat",),
            layout="test",
            digest=digest or "",
        )
        broken = digest is None
        return ModelStatus(
            card=None if broken else card,
            reference=reference,
            state=ModelState.FAILED if broken else ModelState.READY,
            default=False,
            detail="labels.txt is missing" if broken else None,
            loaded_at=None,
            runtime=None,
        )

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


def note(promoter, model="cat@2", *, digest=None, dataset=COINS, **figures):
    """Write an evaluation down, past the check of its digest if one is given."""
    name, _, version = model.partition("@")
    record = EvaluationRecord(
        new_id(), name, model, digest or f"d{version}", "image-classification", dataset, 12, figures, "ada"
    )
    return promoter.evaluations.add(record) if digest else promoter.note(record)


def promote(promoter, reference, **asked):
    return promoter.promote(reference, principal="ada", **asked).change


def back(promoter):
    return promoter.rollback("cat", principal="ben")


def means(promoter, alias="prod"):
    found = promoter.aliases.find("cat", alias)
    return None if found is None else (found.model, found.digest)


def test_promotion_is_observed_and_written_down(promoter, shelf):
    """The alias means the version and its files, here at once, and who did it stays on record."""
    change = promote(promoter, "cat@1")

    assert means(promoter) == ("cat@1", "d1")
    assert shelf.aliases == {("cat", "prod"): ("cat@1", "d1")}
    assert (change.kind, change.model, change.replaced, change.principal) == (
        ChangeKind.PROMOTE,
        "cat@1",
        None,
        "ada",
    )
    assert promoter.aliases.history("cat") == [change]


def test_observe_sees_what_another_process_did(promoter, shelf):
    """Aliases are read anew from the database, those that are gone too."""
    other = Promoter(promoter.aliases, promoter.evaluations, Shelf())
    promote(other, "cat@2")
    promoter.observe()
    assert shelf.aliases == {("cat", "prod"): ("cat@2", "d2")}
    other.remove("cat", principal="ada", alias="prod")
    promoter.observe()

    assert shelf.aliases == {}


def test_met_condition_is_kept_with_its_grounds(promoter):
    """What was asked, which evaluation was looked at and the figures that it names can be read afterwards."""
    record = note(promoter, ap=0.75, top1=0.5, ece=0.1)
    change = promote(promoter, "cat@2", condition="ap >= 0.75 and ece < 0.2")

    assert (change.condition, change.evaluation_id) == ("ap >= 0.75 and ece < 0.2", record.id)
    assert change.figures == {"ap": 0.75, "ece": 0.1}
    assert promoter.aliases.history("cat") == [change]


def test_unmet_condition_refuses_with_every_figure_and_changes_nothing(promoter, shelf):
    """The refusal names what was asked, what it is, and on what; the version before stays."""
    promote(promoter, "cat@1")
    note(promoter, ap=0.5, top1=0.75, ece=0.1)
    with pytest.raises(PromotionRefused) as refused:
        promote(promoter, "cat@2", condition="ap >= 0.9 and ece < 0.2 and top1 > 0.75")

    said = (
        "cat@2 is not promoted: ap is 0.5, asked >= 0.9; top1 is 0.75, asked > 0.75 (on 12 images of coins sha256:c0)."
    )
    assert str(refused.value) == said
    assert means(promoter) == ("cat@1", "d1")
    assert shelf.aliases == {("cat", "prod"): ("cat@1", "d1")}
    assert len(promoter.aliases.history("cat")) == 1


def test_newest_evaluation_counts(promoter):
    """An older evaluation that would do does not help."""
    note(promoter, ap=0.99)
    note(promoter, ap=0.5)

    with pytest.raises(PromotionRefused):
        promote(promoter, "cat@2", condition="ap >= 0.9")


def test_evaluation_of_other_files_does_not_count(promoter, shelf):
    """Figures of files that lay there before say nothing about those that lie there now."""
    note(promoter, ap=0.99)
    shelf.digests["cat@2"] = "changed"

    with pytest.raises(EvaluationMissing, match="files of cat@2"):
        promote(promoter, "cat@2", condition="ap >= 0.9")


def test_evaluation_of_another_version_does_not_count(promoter):
    """Figures belong to one version."""
    note(promoter, "cat@1", ap=0.99)

    with pytest.raises(EvaluationMissing):
        promote(promoter, "cat@2", condition="ap >= 0.9")


def test_only_the_dataset_that_was_named_counts(promoter):
    """A newer evaluation on other pictures is passed over; one on no such pictures is missed."""
    first = note(promoter, ap=0.99)
    note(promoter, ap=0.1, dataset=NUTS)

    for dataset in (COINS, "coins"):
        assert promote(promoter, "cat@2", condition="ap >= 0.9", dataset=dataset).evaluation_id == first.id
    with pytest.raises(PromotionRefused, match="nuts"):
        promote(promoter, "cat@2", condition="ap >= 0.9")
    with pytest.raises(EvaluationMissing, match="bolts"):
        promote(promoter, "cat@2", condition="ap >= 0.9", dataset="bolts")


def test_prod_as_a_bound_is_the_version_in_service_on_the_same_pictures(promoter):
    """The candidate must be as good as what is in service; figures on other pictures are no measure."""
    promote(promoter, "cat@1")
    note(promoter, "cat@1", ap=0.1, dataset=NUTS)
    note(promoter, "cat@2", ap=0.7)
    with pytest.raises(PromotionRefused, match="not known on this dataset"):
        promote(promoter, "cat@2", condition="ap >= prod")
    note(promoter, "cat@1", ap=0.75)
    note(promoter, "cat@1", ap=0.1, dataset=NUTS)
    with pytest.raises(PromotionRefused, match=r"ap is 0\.7, asked, by the version in service, >= 0\.75"):
        promote(promoter, "cat@2", condition="ap >= prod")

    assert promote(promoter, "cat@2", condition="ap >= prod - 0.1", alias="candidate").model == "cat@2"
    assert means(promoter, "candidate") == ("cat@2", "d2")
    assert means(promoter) == ("cat@1", "d1")


def test_prod_as_a_bound_where_nothing_is_in_service_is_not_met(promoter):
    """What is not there cannot be reached."""
    note(promoter, ap=0.7)

    with pytest.raises(PromotionRefused, match="nothing is in service, so there is no figure to compare with"):
        promote(promoter, "cat@2", condition="ap >= prod")


def test_figure_that_is_none_is_refused_with_those_that_are(promoter):
    """Who mistypes a name reads the names on record."""
    note(promoter, ap=0.7, top1=0.5)

    with pytest.raises(PromotionRefused, match="apx is not among the evaluation's figures: ap, top1"):
        promote(promoter, "cat@2", condition="apx >= 0.5")


@pytest.mark.parametrize(
    ("error", "reference", "asked"),
    [
        (AliasUnknown, "cat@1", {"alias": "best"}),
        (ParameterInvalid, "cat", {}),
        (ParameterInvalid, "cat@prod", {}),
        (ParameterInvalid, "cat@candidate", {"alias": "candidate"}),
        (ModelUnknown, "cat@9", {}),
        (ModelUnknown, "cat@", {}),
        (ModelFailed, "cat@4", {}),
        (ConditionInvalid, "cat@1", {"condition": "good"}),
        (ConditionInvalid, "cat@1", {"condition": ""}),
        (EvaluationMissing, "cat@1", {"condition": "ap > 0"}),
    ],
)
def test_what_cannot_be_promoted_is_refused_and_leaves_no_trace(promoter, error, reference, asked):
    """Each reason has its own error, and none changes anything."""
    with pytest.raises(error):
        promote(promoter, reference, **asked)

    assert promoter.aliases.all() == []
    assert promoter.aliases.history("cat") == []


def test_rollback_goes_back_step_by_step(promoter, shelf):
    """Each rollback goes one promotion further back, until there is none."""
    for reference in ("cat@1", "cat@2", "cat@3"):
        promote(promoter, reference)
    first, second = back(promoter), back(promoter)

    assert (first.kind, first.model, first.replaced, first.principal) == (ChangeKind.ROLLBACK, "cat@2", "cat@3", "ben")
    assert (second.model, second.digest, second.replaced) == ("cat@1", "d1", "cat@2")
    assert shelf.aliases == {("cat", "prod"): ("cat@1", "d1")}
    with pytest.raises(NothingToRollBack):
        back(promoter)
    assert means(promoter) == ("cat@1", "d1")


def test_promotion_that_is_sent_twice_costs_no_rollback(promoter):
    """The alias means that already: the second is answered as the first, and one step back is one version back."""
    promote(promoter, "cat@1")
    first = promote(promoter, "cat@2")

    again = promote(promoter, "cat@2")
    back(promoter)

    assert again == first
    assert means(promoter) == ("cat@1", "d1")


def test_promotion_to_what_the_alias_means_is_looked_at_and_says_that_nothing_changed(promoter):
    """A condition that is met changes nothing, and is not written down; one that is not met any more is refused."""
    note(promoter, ap=0.75)
    asked = {"principal": "ada", "condition": "ap >= 0.7"}
    first, again = promoter.promote("cat@2", **asked), promoter.promote("cat@2", **{**asked, "condition": "ap > 0.1"})
    assert (first.is_new, again.is_new, again.change) == (True, False, first.change)
    note(promoter, ap=0.5)
    with pytest.raises(PromotionRefused, match=r"ap is 0\.5, asked >= 0\.7"):
        promoter.promote("cat@2", **asked)

    assert promoter.aliases.history("cat") == [first.change]
    assert means(promoter) == ("cat@2", "d2")


def test_long_history_does_not_hide_what_an_alias_rests_on(promoter):
    """However often it went there and back."""
    promote(promoter, "cat@1")
    for _ in range(55):
        promote(promoter, "cat@2")
        back(promoter)

    promote(promoter, "cat@2")
    back(promoter)

    assert means(promoter) == ("cat@1", "d1")


def test_promotion_after_a_rollback_can_be_rolled_back_too(promoter):
    """What was rolled away from is not come back to."""
    promote(promoter, "cat@1")
    promote(promoter, "cat@2")
    back(promoter)
    promote(promoter, "cat@3")

    assert back(promoter).model == "cat@1"
    with pytest.raises(NothingToRollBack):
        back(promoter)


def test_rollback_to_files_that_changed_is_refused(promoter, shelf):
    """The version that was left must still be what it was, and must be there."""
    promote(promoter, "cat@1")
    promote(promoter, "cat@2")
    shelf.digests["cat@1"] = "changed"
    with pytest.raises(ModelFailed, match="other files"):
        back(promoter)
    del shelf.digests["cat@1"]
    with pytest.raises(ModelUnknown):
        back(promoter)

    assert means(promoter) == ("cat@2", "d2")


def test_rollback_of_an_alias_does_not_see_the_other(promoter):
    """Each alias has a history of its own."""
    promote(promoter, "cat@1")
    promote(promoter, "cat@2", alias="candidate")

    with pytest.raises(NothingToRollBack):
        back(promoter)


@pytest.mark.parametrize("alias", ["prod", "best"])
def test_alias_that_means_nothing_can_neither_go_back_nor_be_taken_away(promoter, alias):
    """There is nothing to change."""
    for change in (promoter.rollback, promoter.remove):
        with pytest.raises(AliasUnknown):
            change("cat", principal="ada", alias=alias)


def test_removed_alias_means_nothing_and_keeps_its_history(promoter, shelf):
    """Taking an alias away is a change like others; from there no rollback reaches what was before."""
    promote(promoter, "cat@1")
    change = promoter.remove("cat", principal="ada", alias="prod")
    assert (change.kind, change.model, change.replaced) == (ChangeKind.REMOVE, None, "cat@1")
    assert shelf.aliases == {}
    promote(promoter, "cat@2")

    with pytest.raises(NothingToRollBack):
        back(promoter)
    assert [each.kind.value for each in promoter.aliases.history("cat")] == ["promote", "remove", "promote"]


def test_promotion_that_somebody_overtook_is_refused(promoter, shelf):
    """Between looking and changing, another moved the alias: theirs stays."""

    class Overtaken(SqlAliases):
        def find(self, name, alias):
            seen = super().find(name, alias)
            super().change(NewChange(name, alias, ChangeKind.PROMOTE, "cat@3", "d3", "eve"), seen=seen)
            return seen

    slow = Promoter(Overtaken(promoter.aliases._database), promoter.evaluations, shelf)
    with pytest.raises(AliasMoved):
        promote(slow, "cat@1")

    assert means(promoter) == ("cat@3", "d3")
    assert len(promoter.aliases.history("cat")) == 1


def test_evaluation_of_files_that_are_not_here_is_not_written_down(promoter):
    """Who evaluated other files, or a version that is not here, is told."""
    for model, digest in (("cat@1", "other"), ("cat@9", "d9")):
        record = EvaluationRecord(new_id(), "cat", model, digest, "x", COINS, 1, {"ap": 1.0}, "ada")
        with pytest.raises(ModelUnknown):
            promoter.note(record)

    assert promoter.evaluations.list("cat") == []


def test_found_alias_is_what_all_lists(promoter):
    """One alias or all of them: the same is told."""
    change = promote(promoter, "cat@1")
    expected = Alias("cat", "prod", "cat@1", "d1", change.id, change.created_at_us)

    assert promoter.aliases.find("cat", "prod") == expected
    assert promoter.aliases.all() == [expected]
