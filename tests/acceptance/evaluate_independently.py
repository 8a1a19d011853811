"""Counts an evaluation of one label again, from annotations and notes alone; nothing of Saccade is imported."""

import json
import sys
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pycocotools.mask import iou as overlaps
from scipy.optimize import linear_sum_assignment


def xywh(entry):
    """Return a find's box as COCO writes boxes."""
    box = entry["box"]
    return [box["xmin"], box["ymin"], box["xmax"] - box["xmin"], box["ymax"] - box["ymin"]]


def covered(boxes, shape):
    """Return of which pixels the centre lies in any of the boxes."""
    mask = np.zeros(shape, bool)
    for x, y, width, height in boxes:
        left, top, right, bottom = np.ceil(np.array([x, y, x + width, y + height]) - 0.5).astype(int).clip(0)
        mask[top:bottom, left:right] = True
    return mask


coco = COCO(sys.argv[1])
# pycocotools takes a match with the annotation of id 0 for no match, so that ids must begin with 1.
for number, annotation in enumerate(coco.dataset["annotations"], 1):
    annotation["id"] = number
coco.createIndex()
ids = {image["file_name"]: image["id"] for image in coco.dataset["images"]}
category = coco.dataset["annotations"][0]["category_id"]
answers = [json.loads(line) for line in Path(sys.argv[2]).read_text("utf-8").splitlines()][1:]
counts = {(way, iou): [0, 0, 0] for way in ("greedy", "hungarian") for iou in (0.3, 0.5, 0.7, 0.9)}
shares, weights, ranked = [], [], []
for answer in answers:
    truth = [each["bbox"] for each in coco.imgToAnns[ids[answer["name"]]]]
    finds = [xywh(each) for each in answer["served"]]
    ious = np.zeros((len(finds), len(truth))) if not finds or not truth else overlaps(finds, truth, [0] * len(truth))
    for (way, iou), count in counts.items():
        if way == "hungarian":
            pairs = sum(ious[place] >= iou for place in zip(*linear_sum_assignment(-ious), strict=True))
        else:
            left, pairs = ious.copy(), 0
            for row in left:
                if row.size and row.max() >= iou:
                    pairs += 1
                    left[:, row.argmax()] = -1
        count[:] = np.add(count, [pairs, len(finds) - pairs, len(truth) - pairs]).tolist()
    if finds or truth:
        one, other = (covered(boxes, (answer["height_px"], answer["width_px"])) for boxes in (finds, truth))
        shares.append((one & other).sum() / (one | other).sum())
        weights.append(len(truth))
    ranked += [
        {"image_id": ids[answer["name"]], "category_id": category, "bbox": xywh(each), "score": each["score"]}
        for each in answer["ranked"]
    ]
scored = COCOeval(coco, coco.loadRes(ranked), "bbox")
scored.params.catIds = [category]
scored.evaluate(), scored.accumulate(), scored.summarize()
lines = [["jaccard", np.mean(shares), np.average(shares, weights=weights), min(shares), max(shares)]]
for (way, iou), (right, wrong, missed) in counts.items():
    rates = right / (right + wrong), right / (right + missed), 2 * right / (2 * right + wrong + missed)
    lines.append([f"{way}@{iou}", right, wrong, missed, *rates])
lines.append(["coco", *scored.stats])
sys.stdout.writelines(f"{json.dumps(line)}\n" for line in lines)
