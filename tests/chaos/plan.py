"""What a run is to do, all of it decided by a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

#: Of the time of the load that all workers would need if nothing died.
_BUSY_SHARE = 0.5
#: Runs of the model that one worker has under way.
_RUNS_EACH = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.

    Attributes:
        database: A service that the run starts for itself (``postgresql``, ``mariadb``), ``sqlite``, or a URL.
        hints: A service that the run starts for itself (``redis``, ``rabbitmq``), ``memory``, or a URL.
        objects: ``file`` for a folder of the run's own, or a URL.
        items: How many are submitted; one job has 1 to 40 of them.
        kills: How often a process dies: workers, servers, their supervisors, and private brokers and databases.
        seed: Decides everything that is not decided by time.
        seconds: How long there is load and harm; waiting for the end comes on top.
        servers: ``saccade serve`` processes.
        embedded: Whether they work on items too.
        workers: ``saccade work`` processes.
        lease_s: Of items; stops last 0.5 to 3 of it.
        sweep_s: How often a worker looks for dead workers.
        item_s: How long the model takes for a picture; None keeps all workers busy for most of the time.
        wipes: How often the broker forgets everything.
        mutant: The guard that is taken out; ``none`` for the product as it is.
        resets: Share of connections that are reset on the way.
        stops: SIGSTOPs for each kill.
        patience_s: How long clients go on asking after the harm has ended. A key whose server died in the middle of a
            request is free again after ten seconds or a little more.
        webhooks: Share of jobs that ask to be told of their end.
        settle_s: How long there may be no progress at the end before what is open counts as lost.
    """

    database: str = "sqlite"
    hints: str = "memory"
    objects: str = "file"
    items: int = 1000
    kills: int = 40
    seed: int = 1
    seconds: float = 60.0
    servers: int = 1
    embedded: bool = True
    workers: int = 2
    lease_s: float = 2.0
    sweep_s: float = 0.5
    item_s: float | None = None
    wipes: int = 2
    mutant: str = "none"
    resets: float = 0.1
    stops: float = 0.4
    settle_s: float = 30.0
    patience_s: float = 20.0
    webhooks: float = 0.15

    @property
    def picture_s(self) -> float:
        """How long the model takes for a picture, in seconds."""
        if self.item_s is not None:
            return self.item_s
        workers = self.workers + (self.servers if self.embedded else 0)
        return _BUSY_SHARE * self.seconds * workers * _RUNS_EACH / self.items

    def with_mutant(self, name: str) -> Plan:
        """Return the same run with a guard taken out."""
        return replace(self, mutant=name)
