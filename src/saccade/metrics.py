"""Every metric once: its name with its unit, its labels, and the buckets that make it readable."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

#: The buckets that OpenTelemetry recommends for HTTP durations.
_HTTP_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_STAGE_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
#: Items may wait for hours.
_ITEM_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
_BYTES = tuple(4.0**power for power in range(5, 15))
_SCORES = tuple(step / 10 for step in range(1, 11))


class Metrics:
    """The instruments of one process, on a registry of their own."""

    def __init__(self) -> None:
        """Create the instruments."""
        registry = self.registry = CollectorRegistry()
        self.http_seconds = Histogram(
            "http_server_request_duration_seconds",
            "Time from the request's first byte to the answer's last.",
            ["http_request_method", "http_route", "http_response_status_code"],
            buckets=_HTTP_S,
            registry=registry,
        )
        self.http_active = Gauge("http_server_active_requests", "Requests under way.", registry=registry)
        self.refusals = Counter(
            "saccade_refusals", "Requests and pictures refused or failed, by problem code.", ["code"], registry=registry
        )
        self.admission_held = Gauge(
            "saccade_admission_requests", "Requests that hold a place: they are worked on or wait.", registry=registry
        )
        self.admission_refused = Counter(
            "saccade_admission_refused",
            "Requests refused because too much was under way: by their head, when their body was there, or waiting.",
            ["where"],
            registry=registry,
        )
        self.admission_abandoned = Counter(
            "saccade_admission_abandoned",
            "Requests whose client left before their run began; they were not run.",
            registry=registry,
        )
        self.usage_lost = Counter(
            "saccade_usage_rows_lost", "Rows of the ledger that were dropped: too much waited.", registry=registry
        )
        self.rate_uncounted = Counter(
            "saccade_rate_uncounted",
            "Requests that were let through because nobody could count them against their sender's limits.",
            registry=registry,
        )
        self.predictions = Counter(
            "saccade_predictions",
            "Predictions by model and outcome: computed, cached or failed.",
            ["model", "outcome"],
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "saccade_stage_duration_seconds",
            "Time of one picture in one stage: queue, decode, preprocess, infer or postprocess.",
            ["model", "stage"],
            buckets=_STAGE_S,
            registry=registry,
        )
        self.scores = Histogram(
            "saccade_prediction_score",
            "Best score of each prediction that has one.",
            ["model"],
            buckets=_SCORES,
            registry=registry,
        )
        self.image_bytes = Histogram(
            "saccade_image_size_bytes", "Encoded size of pictures taken in.", buckets=_BYTES, registry=registry
        )
        self.batch_items = Histogram(
            "saccade_batch_size",
            "Pictures in one run of a graph.",
            ["model"],
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=registry,
        )
        self.queue_items = Gauge("saccade_queue_size", "Pictures waiting for a model.", ["model"], registry=registry)
        self.model_state = Gauge(
            "saccade_model_state", "1 for the state that the model is in.", ["model", "state"], registry=registry
        )
        self.model_load_seconds = Gauge(
            "saccade_model_load_duration_seconds", "Time of the last load of the model.", ["model"], registry=registry
        )
        self.items = Counter(
            "saccade_items",
            "What became of items that were worked on: succeeded, failed, expired, retried or handed_back.",
            ["outcome"],
            registry=registry,
        )
        self.item_wait_seconds = Histogram(
            "saccade_item_wait_seconds",
            "Time from when an item could run to when work on it began.",
            buckets=_ITEM_S,
            registry=registry,
        )
        self.item_seconds = Histogram(
            "saccade_item_duration_seconds",
            "Time from the claim of an item to its end, written down.",
            buckets=_ITEM_S,
            registry=registry,
        )
        self.worker_running = Gauge("saccade_worker_running", "Items in the hands of this process.", registry=registry)
        self.reaped = Counter("saccade_reaped", "Items taken from workers that died or stalled.", registry=registry)
        self.cache_bytes = Gauge("saccade_cache_size_bytes", "Memory held by cached answers.", registry=registry)

    def exposition(self) -> bytes:
        """Return all instruments in Prometheus' text format."""
        return generate_latest(self.registry)
