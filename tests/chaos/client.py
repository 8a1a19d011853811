"""Clients that do what a careful client does: send with an Idempotency-Key, and again until there is an answer."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from chaos.journal import Journal
from chaos.pictures import name_of, picture
from chaos.receiver import Receiver

_TIMEOUT_S = 6.0
_ACCEPTED = 202
_LONGEST_PAUSE_S = 1.0
#: Too soon for most items of such a job.
_DEADLINE_S = 0.3
#: The answer while a request with the same key is being worked on.
_IN_FLIGHT = 409
#: How much slower than planned a busy machine may be.
_SLOWNESS = 6
#: Another request under a key that was used; must be refused.
_MISMATCH = 422


class InFlight(Exception):
    """A request with the same key is being worked on, or its server died a moment ago."""


@dataclass(frozen=True, slots=True)
class Order:
    """One job that is to be submitted."""

    key: str
    serials: Sequence[int]
    models: Sequence[str]
    webhook: bool
    fate: str  # keep, cancel, erase, fetch (by URL), expire (at once)
    probe: bool  # whether another request is tried under the same key


def plan_orders(items: int, *, seed: int, webhooks: float = 0.0) -> list[Order]:
    """Return jobs of mixed sizes that have so many items together."""
    chance = random.Random(seed)
    orders: list[Order] = []
    serial, left = 0, items
    while left > 0:
        models = ("recorder", "dummy") if chance.random() < 0.2 else ("recorder",)
        images = min(chance.choice((1, 1, 1, 2, 3, 5, 8, 13, 20)), max(1, left // len(models)))
        fate = chance.choices(("keep", "cancel", "erase", "fetch", "expire"), (78, 6, 4, 9, 3))[0]
        orders.append(
            Order(
                f"order-{seed}-{len(orders)}",
                range(serial, serial + images),
                models,
                webhook=chance.random() < webhooks,
                fate=fate,
                probe=chance.random() < 0.05,
            )
        )
        serial += images
        left -= images * len(models)
    return orders


class Clients:
    """Threads that submit orders at an even pace, each until it is accepted."""

    def __init__(
        self, url: str, journal: Journal, orders: Sequence[Order], *, receiver: Receiver, seconds: float
    ) -> None:
        """Submit over so many seconds."""
        self._url = url
        self._journal = journal
        self._orders = list(reversed(orders))
        self._receiver = receiver
        self._pace_s = seconds / max(1, len(orders))
        self._began = time.monotonic()
        self._count = self._untried = len(orders)
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, daemon=True, name=f"client-{n}") for n in range(8)]
        self.give_up = threading.Event()

    def start(self) -> None:
        """Begin."""
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait until all orders were accepted; those that are not after their first try and this time are given up."""
        latest = time.monotonic() + timeout_s * _SLOWNESS
        while self._untried and time.monotonic() < latest:
            time.sleep(0.1)
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.give_up.set()
        for thread in self._threads:
            thread.join(2 * _TIMEOUT_S)

    def _work(self) -> None:
        with httpx2.Client(
            timeout=_TIMEOUT_S, limits=httpx2.Limits(max_keepalive_connections=0), trust_env=False
        ) as http:
            while True:
                with self._lock:
                    if not self._orders:
                        return
                    order = self._orders.pop()
                    due = self._began + (self._count - self._untried) * self._pace_s
                    self._untried = max(0, self._untried - 1)
                time.sleep(max(0.0, due - time.monotonic()))
                self._handle(http, order)

    def _handle(self, http: httpx2.Client, order: Order) -> None:
        try:
            job_id = self._submit(http, order)
        except InFlight:
            with self._lock:  # whoever holds the key may be dead; others go first meanwhile
                self._orders.insert(0, order)
            return
        if job_id is None:
            self._journal.write("gave_up", key=order.key)
            return
        if order.probe:
            self._probe(http, order)
        if order.fate == "cancel":
            self._journal.write("cancel_sent", job_id=job_id)
            self._insist(lambda: http.post(f"{self._url}/v1/jobs/{job_id}/cancel"), {200})
        elif order.fate == "erase":
            self._journal.write("erase_sent", job_id=job_id)
            answer = self._insist(lambda: http.delete(f"{self._url}/v1/jobs/{job_id}"), {204, 404})
            if answer is not None:
                self._journal.write("erased", job_id=job_id)

    def _submit(self, http: httpx2.Client, order: Order) -> str | None:
        answer = self._insist(lambda: self._post(http, order, order.serials), {202})
        if answer is None:
            return None
        job_id = str(answer.json()["id"])
        self._journal.write(
            "accepted",
            key=order.key,
            job_id=job_id,
            serials=list(order.serials),
            models=list(order.models),
            webhook=order.webhook,
            replayed="Idempotency-Replayed" in answer.headers,
        )
        return job_id

    def _post(self, http: httpx2.Client, order: Order, serials: Sequence[int]) -> httpx2.Response:
        asked: dict[str, Any] = {"models": list(order.models)}
        if order.webhook:
            asked["webhook"] = self._receiver.url
        if order.fate == "expire":
            asked["deadline_s"] = _DEADLINE_S
        headers = {"Idempotency-Key": order.key}
        names = [name_of(order.key, serial) for serial in serials]
        if order.fate == "fetch":
            images = [{"url": f"{self._receiver.picture_url}/{name}", "name": name} for name in names]
            return http.post(f"{self._url}/v1/jobs", json={**asked, "images": images}, headers=headers)
        files = [("images", (name, picture(s), "image/png")) for name, s in zip(names, serials, strict=True)]
        return http.post(f"{self._url}/v1/jobs", files=files, data=asked, headers=headers)

    def _probe(self, http: httpx2.Client, order: Order) -> None:
        """Send another request under the same key: it must be refused, for the first one counts."""
        other = [serial + 1 for serial in order.serials]
        answer = self._insist(lambda: self._post(http, order, other), {202, _IN_FLIGHT, _MISMATCH})
        if answer is not None and answer.status_code == _ACCEPTED:
            self._journal.write("contradiction", what=f"the key {order.key} was accepted for another request")

    def _insist(self, send: Callable[[], httpx2.Response], wanted: set[int]) -> httpx2.Response | None:
        """Send again until there is an answer that decides; None if this was given up."""
        pause_s = 0.05
        while not self.give_up.is_set():
            try:
                answer = send()
            except httpx2.HTTPError as error:
                self._journal.write("broken", what=type(error).__name__)
            else:
                if answer.status_code in wanted:
                    return answer
                self._journal.write("refused", status=answer.status_code, body=answer.text[:300])
                if answer.status_code == _IN_FLIGHT and not self.give_up.is_set():
                    time.sleep(pause_s)
                    raise InFlight
                if answer.status_code not in {404, 409, 429, 500, 502, 503}:
                    self._journal.write("contradiction", what=f"{answer.status_code}: {answer.text[:300]}")
                    return None
            time.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
        return None
