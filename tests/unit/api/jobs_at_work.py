"""What a worker does to jobs, for tests that have none: claim everything and end it."""

import json

from saccade.jobs.records import Failed, Succeeded

LABELS = {
    "model": "animals@1",
    "task": "image-classification",
    "image": {"id": "ab" * 32, "width_px": 640, "height_px": 480},
    "predictions": [{"label": "cat", "score": 0.9, "class_id": 0}, {"label": "=dog", "score": 0.1, "class_id": 1}],
    "timing_ms": {"queue": 0, "decode": 0, "preprocess": 0, "infer": 0, "postprocess": 0, "total": 1},
    "cached": False,
    "engine": "python/cpu",
}
OBJECTS = {
    **LABELS,
    "model": "circles@1",
    "task": "object-detection",
    "predictions": [
        {
            "label": "circle",
            "score": 0.97,
            "box": {"xmin": 100.5, "ymin": 40.0, "xmax": 180.5, "ymax": 120.0},
            "centroid": {"x": 140.5, "y": 80.0},
            "radius_px": 40.0,
        }
    ],
}


def work_off(platform, *, fail=(), most=64, code="image_unreadable"):
    """End at most so many items, each by its model's prediction; those of the positions in ``fail`` fail."""
    claims = platform.jobs.store.claims
    held = {f"{name}@1": platform.registry.status(name).card.digest for name in ("animals", "circles")}
    done = 0
    while done < most and (claimed := claims.claim("worker", held, most=most - done, lease_s=30)):
        outcomes = [
            Failed(claim, code, "The picture is damaged.")
            if claim.position in fail
            else Succeeded(claim, json.dumps(OBJECTS if claim.model == "circles@1" else LABELS), 1, 1.0, cached=False)
            for claim in claimed
        ]
        done += len(claims.finish("worker", outcomes))
    return done
