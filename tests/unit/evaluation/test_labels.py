"""The labels of model and truth: brought together where it is clear, told where it is not."""

import pytest

from saccade.errors import ParameterInvalid
from saccade.evaluation.labels import Naming, naming_of, read_label_map, require_used


def test_one_label_on_each_side_means_the_same():
    """There is nothing else to find, and that is said."""
    naming = naming_of("circles@1", ("circle",), ("coin",), {})

    assert naming.names == {"circle": "coin"}
    assert naming.remarks == ("What circles@1 calls 'circle' is held against 'coin': each side has this one label.",)


@pytest.mark.parametrize(("said", "known"), [(("a",), ("a",)), (("a", "b"), ("b", "a")), ((), ("a",))])
def test_labels_that_agree_or_are_not_told_need_no_word(said, known):
    """Nothing to bring together."""
    assert naming_of("m", said, known, {}) == Naming()


def test_labels_of_one_side_only_are_told():
    """Both ways, before an hour of pictures."""
    naming = naming_of("m", ("a", "b"), ("b", "c"), {})

    assert naming.names == {}
    assert naming.remarks == (
        "m has labels that the truth does not know: a.",
        "The truth has labels that m never says: c.",
    )


def test_no_label_in_common_is_refused():
    """Every figure would be 0, and nobody would know why."""
    with pytest.raises(ParameterInvalid, match="no label in common: it says a, b, the truth knows c, d"):
        naming_of("m", ("a", "b"), ("c", "d"), {})


def test_asked_names_stand_over_everything():
    """Two labels may mean one; those of other models are left to them."""
    naming = naming_of("m", ("penny", "dime"), ("coin",), {"penny": "coin", "dime": "coin", "cent": "coin"})

    assert naming.names == {"penny": "coin", "dime": "coin"}
    assert naming.remarks == ()


def test_label_map_is_read():
    """A name may hold an equals sign, a label may not."""
    assert read_label_map(["a=b", "c=d=e"]) == {"a": "b", "c": "d=e"}


@pytest.mark.parametrize("pairs", [["a"], ["=b"], ["a="], ["a=b", "a=c"]])
def test_label_map_that_is_none_is_refused(pairs):
    """The sentence shows which."""
    with pytest.raises(ParameterInvalid, match="--label-map"):
        read_label_map(pairs)


def test_misspelt_labels_are_refused():
    """A pair that nothing would ever use is a mistake."""
    require_used({"a": "x"}, [("a",), ("b",)], ("x",))
    require_used({"a": "x"}, [("b",), ()], ("x",))
    with pytest.raises(ParameterInvalid, match="no model has the label 'a'"):
        require_used({"a": "x"}, [("b",)], ("x",))
    with pytest.raises(ParameterInvalid, match="the truth has no label 'y'"):
        require_used({"a": "y"}, [("a",)], ("x",))
