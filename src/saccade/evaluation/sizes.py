"""Small, medium and large objects, as COCO parts them: by annotated area, at 32² and 96² px."""

from __future__ import annotations

import numpy as np

from saccade.evaluation.columns import Flags, Truths
from saccade.evaluation.document import Coco, SizeRow

SIZES = ("small", "medium", "large")
#: An object of exactly this area belongs to the larger size here; COCO's AP and AR count it in both.
_EDGES_PX = (32**2, 96**2)


def sizes_of(truths: Truths, is_found: Flags, coco: Coco) -> tuple[SizeRow, ...]:
    """Return a row for each size; crowds are in none.

    Args:
        truths: All of them.
        is_found: (M,) which were found at IoU 0.5 at the operating threshold, matched greedily whatever the size.
        coco: Whose AP and AR are shown.
    """
    classes = np.searchsorted(_EDGES_PX, truths.areas_px, side="right")
    shown = ((coco.ap_small, coco.ar_small), (coco.ap_medium, coco.ar_medium), (coco.ap_large, coco.ar_large))
    rows = []
    for number, (size, (ap, ar)) in enumerate(zip(SIZES, shown, strict=True)):
        mine = (classes == number) & ~truths.is_crowd
        count = int(mine.sum())
        rows.append(SizeRow(size, count, ap, ar, float(is_found[mine].sum() / count) if count else None))
    return tuple(rows)
