"""Delivers webhooks: claims what is due, signs it, posts it, and notes what became of it. At least once each."""

from __future__ import annotations

import logging
import threading

from saccade.clock import utc_now
from saccade.errors import DatabaseUnreachable, JobUnknown, UrlRefused, UrlUnreachable
from saccade.failpoints import pass_failpoint
from saccade.jobs.records import DeliveryRecord
from saccade.jobs.store import Store
from saccade.jobs.webhooks import Post, delay_after, headers_of, is_delivered, message
from saccade.worker.trouble import Trouble

log = logging.getLogger("saccade.worker")

#: Deliveries under way at a time; a receiver that hangs keeps one place until its time is up.
_PLACES = 16
_PAUSE_S = 1.0
#: A delivery belongs to its worker for as long as it may take, and this.
_SPARE_LEASE_S = 15.0


class Deliverer:
    """Each turn begins what is due; the posts run on threads of their own."""

    def __init__(self, owner: str, store: Store, post: Post, *, timeout_s: float, trouble: Trouble) -> None:
        """Tie the parts together; nothing happens before the first turn.

        Args:
            owner: Who claims; unique for each life of a worker.
            store: The outbox, the jobs and the secrets.
            post: Sends one message; raises UrlRefused and UrlUnreachable.
            timeout_s: How long a post may take.
            trouble: Told whether the database answers.
        """
        self._owner = owner
        self._store = store
        self._post = post
        self._lease_s = timeout_s + _SPARE_LEASE_S
        self._trouble = trouble
        self._free = threading.Semaphore(_PLACES)
        self._stopping = threading.Event()

    def turn(self) -> None:
        """Begin what is due, and wait a moment if that was nothing or there is no place for more."""
        try:
            begun = self.begin()
        except DatabaseUnreachable as error:
            self._stopping.wait(max(_PAUSE_S, self._trouble.met(error)))
        else:
            self._trouble.over()
            if not begun:
                self._stopping.wait(_PAUSE_S)

    def begin(self) -> list[threading.Thread]:
        """Claim what is due, as much as there are places for, and begin to send it.

        Raises:
            DatabaseUnreachable: The database does not answer.
        """
        places = 0
        while places < _PLACES and self._free.acquire(blocking=False):
            places += 1
        due: list[DeliveryRecord] = []
        try:
            if places and not self._stopping.is_set():
                due = self._store.deliveries.due(self._owner, most=places, lease_s=self._lease_s)
        finally:
            for _ in range(places - len(due)):
                self._free.release()
        # Daemons: a receiver that hangs must not keep a stopping process alive.
        threads = [
            threading.Thread(target=self._deliver_one, args=(each,), name="webhook", daemon=True) for each in due
        ]
        for thread in threads:
            thread.start()
        return threads

    def stop(self) -> None:
        """Begin nothing more. What is under way is delivered again by others if it does not end in time. Idempotent."""
        self._stopping.set()

    def _deliver_one(self, delivery: DeliveryRecord) -> None:
        try:
            try:
                self._deliver(delivery)
            except DatabaseUnreachable:
                raise
            except Exception as error:
                log.exception("a webhook met a fault")
                self._failed(delivery, None, f"It could not be sent: {type(error).__name__}.")
        except DatabaseUnreachable as error:  # the lease ends, and it is delivered again
            self._trouble.met(error)
        finally:
            self._free.release()

    def _deliver(self, delivery: DeliveryRecord) -> None:
        try:
            job = self._store.records.job(delivery.principal, delivery.job_id)
        except JobUnknown:  # erased since, and its deliveries with it
            return
        secret = self._store.deliveries.secret(delivery.principal)
        if secret is None:
            self._failed(delivery, None, "There is no secret to sign it with: POST /v1/webhooks/secret makes one.")
            return
        body = message(delivery, job)
        headers = headers_of(delivery, body, secret=secret, now=utc_now())
        pass_failpoint("deliver.before_post")
        try:
            status = self._post(delivery.url, body, headers)
        except (UrlRefused, UrlUnreachable) as error:
            self._failed(delivery, None, str(error))
            return
        pass_failpoint("deliver.after_post")
        if is_delivered(status):
            self._store.deliveries.delivered(self._owner, delivery, status_code=status)
        else:
            self._failed(delivery, status, f"The receiver answered with status {status}.")

    def _failed(self, delivery: DeliveryRecord, status: int | None, reason: str) -> None:
        delay_s = delay_after(delivery.attempt, status=status)
        noted = self._store.deliveries.postpone(
            self._owner, delivery, delay_s=delay_s, status_code=status, error=reason
        )
        if noted and delay_s is None:
            facts = {"saccade.job.id": delivery.job_id, "saccade.delivery.id": delivery.id, "error.message": reason}
            log.warning("a webhook was given up", extra={"facts": facts})
