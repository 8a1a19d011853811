"""Webhooks end to end: a real receiver on loopback, a real database, the schedule, and receivers that misbehave."""

import http.server
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from standardwebhooks.webhooks import Webhook

from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database, open_store
from saccade.images.guard import Guard
from saccade.jobs.ids import new_id
from saccade.jobs.records import DeliveryState, ModelPin, NewImage, NewJob, Succeeded
from saccade.jobs.webhooks import Poster
from saccade.worker.deliver import Deliverer
from saccade.worker.trouble import Trouble

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HELD = {"circles@1": "digest"}
DELIVER = """
import sys
from saccade.backends.database.opening import open_database, open_store
from saccade.failpoints import arm
from saccade.images.guard import Guard
from saccade.jobs.webhooks import Poster
from saccade.worker.deliver import Deliverer
from saccade.worker.trouble import Trouble

database, allowed, failpoint = sys.argv[1:]
arm(failpoint)
store = open_store(open_database(database))
post = Poster(Guard(allow=(allowed,)), timeout_s=5).post
deliverer = Deliverer("doomed", store, post, timeout_s=-15 + 0.2, trouble=Trouble("the database", longest_pause_s=1))
for thread in deliverer.begin():
    thread.join(10)
"""


class Receiver:
    """A receiver that answers as it is told and keeps what it got."""

    def __init__(self):
        receiver = self
        self.got = []
        self.answer = 204
        self.headers = {}
        self.body = b""
        self.hang = threading.Event()
        self.flood = False

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((dict(self.headers), body))
                if receiver.hang.is_set():
                    time.sleep(3)
                self.send_response(receiver.answer)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(receiver.body)
                    while receiver.flood:
                        self.wfile.write(b"x" * 65_536)
                except OSError:
                    receiver.flood = False

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def database(tmp_path):
    opened = open_database(f"sqlite:///{tmp_path}/saccade.db")
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def store(database):
    made = open_store(database)
    made.deliveries.new_secret("alice", SECRET)
    return made


@pytest.fixture
def deliver(store, receiver):
    """Return a function that delivers everything that is due, once."""

    def run(*, allow=None, timeout_s=5.0, owner="worker"):
        guard = Guard(allow=(f"127.0.0.1:{receiver.port}",) if allow is None else allow)
        post = Poster(guard, timeout_s=timeout_s).post
        trouble = Trouble("the database", longest_pause_s=1.0)
        deliverer = Deliverer(owner, store, post, timeout_s=timeout_s, trouble=trouble)
        threads = deliverer.begin()
        for thread in threads:
            thread.join(20)
        return len(threads)

    return run


def ended_job(store, url, *, principal="alice"):
    """Submit a job with a webhook and end it."""
    image = NewImage("a.jpg", None, "ab" * 32, f"jobs/{new_id()}", 10)
    job = NewJob(new_id(), principal, (image,), (ModelPin("circles@1", "digest"),), options={}, webhook=url)
    store.submissions.submit(job)
    claims = store.claims.claim("w", HELD, most=10, lease_s=60)
    store.claims.finish("w", [Succeeded(claim, "{}", 1, 1.0, cached=False) for claim in claims])
    return job


def delivery_of(store, job):
    (found,) = store.deliveries.of_job(job.principal, job.id)
    return found


def make_due(database):
    database.write(lambda tx: tx.exec_driver_sql("UPDATE delivery SET next_at = 1, lease_until = NULL"))


def test_the_end_of_a_job_arrives_signed(store, receiver, deliver):
    """One POST with the id, time and signature of the standard; noted as delivered, and not sent again."""
    job = ended_job(store, receiver.url)

    assert deliver() == 1

    ((headers, body),) = receiver.got
    told = Webhook(SECRET).verify(body, headers)
    assert (told["type"], told["data"]["id"], told["data"]["state"]) == ("job.ended", job.id, "succeeded")
    assert headers["content-type"] == "application/json"
    noted = delivery_of(store, job)
    assert (noted.state, noted.status_code, noted.attempt) == (DeliveryState.DELIVERED, 204, 1)
    assert headers["webhook-id"] == noted.id
    assert deliver() == 0


def test_failures_are_tried_again_by_the_schedule_until_it_is_dead(store, database, receiver, deliver):
    """Ten attempts with one id, each as late as the standard says; then a dead letter, which can be sent anew."""
    receiver.answer = 500
    job = ended_job(store, receiver.url)
    waits_s = []
    while delivery_of(store, job).state is DeliveryState.PENDING:
        before_us = time.time() * 1e6
        assert deliver() == 1
        noted = delivery_of(store, job)
        assert (noted.status_code, noted.attempt) == (500, len(waits_s) + 1)
        if noted.next_at_us is not None:
            waits_s.append((noted.next_at_us - before_us) / 1e6)
            assert deliver() == 0
        make_due(database)

    schedule_s = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert all(plan_s - 1 <= wait_s <= plan_s * 1.1 + 5 for plan_s, wait_s in zip(schedule_s, waits_s, strict=True))
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1
    assert delivery_of(store, job).state is DeliveryState.DEAD

    receiver.answer = 200
    store.deliveries.redeliver("alice", job.id, delivery_of(store, job).id)
    assert deliver() == 1
    assert delivery_of(store, job).state is DeliveryState.DELIVERED


def test_gone_is_dead_at_once(store, receiver, deliver):
    """410 asks for no more."""
    receiver.answer = 410
    job = ended_job(store, receiver.url)
    deliver()

    assert (delivery_of(store, job).state, delivery_of(store, job).attempt) == (DeliveryState.DEAD, 1)


def test_a_redirect_is_a_failure_and_is_not_followed(store, receiver, deliver):
    """The secret's signature goes nowhere but to the address that was given."""
    receiver.answer, receiver.headers = 307, {"location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    job = ended_job(store, receiver.url)
    deliver()

    assert len(receiver.got) == 1
    assert delivery_of(store, job).status_code == 307
    assert delivery_of(store, job).state is DeliveryState.PENDING


def test_a_receiver_that_hangs_costs_its_time_and_no_more(store, receiver, deliver):
    """The whole time of a delivery is bounded; the others are delivered meanwhile."""
    hanging = ended_job(store, receiver.url)
    receiver.hang.set()
    begun_s = time.monotonic()
    deliver(timeout_s=0.5)

    assert time.monotonic() - begun_s < 2.5
    noted = delivery_of(store, hanging)
    assert (noted.status_code, noted.error) == (None, "The URL did not answer in time.")


def test_a_receiver_that_floods_is_not_listened_to(store, receiver, deliver):
    """An endless body of a 200 is a success, and is not read."""
    receiver.answer, receiver.flood = 200, True
    job = ended_job(store, receiver.url)
    begun_s = time.monotonic()
    deliver()

    assert time.monotonic() - begun_s < 4
    assert delivery_of(store, job).state is DeliveryState.DELIVERED


def test_a_receiver_with_endless_headers_is_cut_off(store, deliver):
    """The head of an answer is bounded too."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def babble():
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                try:
                    while True:
                        connection.sendall(b"x-more: " + b"y" * 8000 + b"\r\n")
                except OSError:
                    return

        thread = threading.Thread(target=babble, daemon=True)
        thread.start()
        job = ended_job(store, f"http://127.0.0.1:{port}/")
        deliver(allow=(f"127.0.0.1:{port}",))
        thread.join(5)

    assert delivery_of(store, job).state is DeliveryState.PENDING
    assert delivery_of(store, job).error == "The URL could not be fetched."


def test_nobody_there_is_tried_again(store, deliver):
    """A refused connection is a failure like any other, without a status."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    job = ended_job(store, f"http://127.0.0.1:{port}/")
    deliver(allow=(f"127.0.0.1:{port}",))

    assert (delivery_of(store, job).state, delivery_of(store, job).status_code) == (DeliveryState.PENDING, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "0x7f.1", "2130706433", "[::1]"])
def test_addresses_inside_get_no_connection(store, receiver, deliver, host):
    """Whatever spelling leads to this machine: nothing is sent, and the reason names no address."""
    job = ended_job(store, f"http://{host}:{receiver.port}/hook")
    deliver(allow=())
    refused = delivery_of(store, job)
    web_port = ended_job(store, f"http://{host}/hook")
    deliver(allow=())

    assert receiver.got == []
    assert refused.state is DeliveryState.PENDING
    assert refused.error.startswith("The URL")
    assert "127" not in delivery_of(store, web_port).error


def test_without_a_secret_nothing_is_sent(store, receiver, deliver):
    """Unsigned messages do not leave the house."""
    job = ended_job(store, receiver.url, principal="bob")
    deliver()

    assert receiver.got == []
    assert "POST /v1/webhooks/secret" in delivery_of(store, job).error


def test_an_erased_job_tells_nobody(store, receiver, deliver):
    """Its messages are erased with it."""
    job = ended_job(store, receiver.url)
    store.records.erase("alice", job.id)

    assert deliver() == 0
    assert receiver.got == []


@pytest.mark.parametrize(("failpoint", "sent"), [("deliver.before_post", 0), ("deliver.after_post", 1)])
def test_a_worker_that_dies_while_it_delivers_is_succeeded(database, store, receiver, deliver, failpoint, sent):
    """Killed before or after the post: somebody else delivers it, with the same id. At least once, told apart by id."""
    job = ended_job(store, receiver.url)
    process = subprocess.run(
        [sys.executable, "-c", DELIVER, str(database.engine.url), f"127.0.0.1:{receiver.port}", f"{failpoint}:kill"],
        timeout=60,
    )
    assert process.returncode == -signal.SIGKILL
    assert len(receiver.got) == sent

    time.sleep(0.3)  # the lease of the dead one
    assert deliver(owner="heir") == 1

    assert len(receiver.got) == sent + 1
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({json.loads(body)["data"]["id"] for _, body in receiver.got}) == 1
    assert (delivery_of(store, job).state, delivery_of(store, job).attempt) == (DeliveryState.DELIVERED, 2)
