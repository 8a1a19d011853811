"""Tensors travel as bytes and as JSON, and come back as they went; what lies about its size is refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.api.faces.oip_tensors import BYTES, FP32, INT64, Tensor, flat, pack, shape_of, unpack
from saccade.errors import ParameterInvalid


class TestBinary:
    """The binary extension."""

    @given(st.lists(st.binary(max_size=300), max_size=40))
    def test_bytes_come_back_as_they_went(self, elements):
        """Any bytes, empty ones too."""
        assert unpack(BYTES, pack(BYTES, elements)) == elements

    @given(st.lists(st.text(max_size=50), max_size=20))
    def test_texts_come_back_as_utf8(self, elements):
        """A label may be in any script."""
        assert unpack(BYTES, pack(BYTES, elements)) == [element.encode() for element in elements]

    @given(st.lists(st.floats(width=32, allow_nan=False)))
    def test_floats_come_back_as_they_went(self, elements):
        """To the bit."""
        assert unpack(FP32, pack(FP32, elements)) == elements

    @given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1)))
    def test_whole_numbers_come_back_as_they_went(self, elements):
        """Down to the smallest and up to the largest."""
        assert unpack(INT64, pack(INT64, elements)) == elements

    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_or_refused(self, data):
        """Nothing else can happen; what is read gives the same bytes again."""
        for datatype in (BYTES, FP32, INT64):
            try:
                elements = unpack(datatype, data)
            except ParameterInvalid:
                continue
            if datatype != FP32:  # many bytes mean NaN
                assert pack(datatype, elements) == data

    @pytest.mark.parametrize(
        "data",
        [b"\x01", b"\x01\0\0", b"\x02\0\0\0a", b"\xff\xff\xff\xffabc", b"\x01\0\0\0a\x01", b"\0\0\0\x80"],
    )
    def test_lengths_that_lie_are_refused(self, data):
        """A length beyond the end, or one that is cut short itself."""
        with pytest.raises(ParameterInvalid):
            unpack(BYTES, data)

    def test_layout_is_the_protocols(self):
        """Four bytes of length, little-endian, then the element; numbers little-endian one after the other."""
        assert pack(BYTES, [b"abc", ""]) == b"\x03\0\0\0abc\0\0\0\0"
        assert pack(FP32, [1.5]) == struct.pack("<f", 1.5)
        assert Tensor("a", INT64, (1,), [7]).to_binary() == (
            {"name": "a", "datatype": INT64, "shape": [1], "parameters": {"binary_data_size": 8}},
            b"\x07" + bytes(7),
        )


class TestJson:
    """What JSON says of an input."""

    @given(st.lists(st.integers(0, (1 << 31) - 1), min_size=1, max_size=8))
    def test_shapes_are_lists_of_whole_numbers(self, sizes):
        """Any that a tensor may have."""
        assert shape_of(sizes) == tuple(sizes)

    @pytest.mark.parametrize(
        "value", [None, [], [1] * 9, [-1], [1 << 31], [10**400], [1.0], [True], ["1"], [[1]], {"0": 1}, 1, "1"]
    )
    def test_other_shapes_are_refused(self, value):
        """Negative, huge, fractional, nested, or no list at all."""
        with pytest.raises(ParameterInvalid):
            shape_of(value)

    def test_lists_in_lists_are_flattened(self):
        """Row by row, however deep a tensor may be."""
        assert flat([["a"], ["b", ["c"]], "d"]) == ["a", "b", "c", "d"]
        assert flat([]) == []

    @pytest.mark.parametrize("data", [None, "abc", {"0": "a"}, [[[[[[[[[["a"]]]]]]]]]]])
    def test_other_data_is_refused(self, data):
        """No list, or one that is deeper than any tensor."""
        with pytest.raises(ParameterInvalid):
            flat(data)
