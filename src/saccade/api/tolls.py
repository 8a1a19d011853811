"""What a request costs its sender of what they may have: counted when it comes, and again when its cost is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.requests import Request

from saccade.access.principals import Principal
from saccade.access.rates import Standing
from saccade.api.bodies import announced_bytes
from saccade.api.context import context_of
from saccade.api.dependencies import Threads, authentications_of, platform_of
from saccade.api.rate_headers import refusal_headers, standing_headers
from saccade.errors import QuotaReached, RateExceeded, UnavailableError

#: More is no address; what it is counted as is a hash anyway.
_MAX_ADDRESS_CHARS = 64
#: Charges that are on their way; the loop itself holds tasks only weakly.
_under_way: set[asyncio.Task[None]] = set()


async def count_request(request: Request, principal: Principal, route: str) -> None:
    """Count the request against what its sender may ask for, and have the answer say what is left.

    Raises:
        RateExceeded: They asked for too much in a short time, or have too many bytes under way.
        QuotaReached: They have had enough for today.
        UnavailableError: Nobody can count it, and so it may not pass.
    """
    try:
        standing = await _counted(request, principal.id, route)
    except (RateExceeded, QuotaReached) as refusal:
        platform = platform_of(request)
        known = (*platform.rates.policies, *platform.quotas.policies)
        violated = [policy for policy in known if policy.name in refusal.policies]
        _tell(request, refusal_headers(violated, refusal.retry_after_s))
        raise
    _tell(request, standing_headers(standing))


async def count_login(request: Request, name: str) -> None:
    """Count a try to come in, before a password is looked at: for the address it comes from, and for the name.

    Raises:
        RateExceeded: There were too many.
        LimiterUnreachable: Nobody can count it, and so it may not pass.
    """
    rates, address = platform_of(request).rates, _address_of(request)
    try:
        if rates.is_login_blocking:
            await authentications_of(request).run(rates.admit_login, address, name.lower())
        else:
            rates.admit_login(address, name.lower())
    except RateExceeded as refusal:
        refusal.hint = "Wait for Retry-After. Tries are counted for the address that they come from, and for the name."
        raise


def _address_of(request: Request) -> str:
    """Return where a request comes from: the nearest address that is no proxy of ours."""
    proxies = request.app.state.trusted_proxies
    hops = [request.client.host] if request.client is not None else []
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    for hop in (*hops, *(part.strip() for part in reversed(forwarded))):
        if not _is_within(hop, proxies):
            return hop[:_MAX_ADDRESS_CHARS]
    return hops[0] if hops else ""


def _is_within(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


def charge_predictions(request: Request) -> None:
    """Count what was predicted at once; nobody waits for it."""
    predictions = context_of(request.scope).predictions
    if predictions:
        _charge(request, images=len(predictions), pixels=sum(prediction.pixels for prediction in predictions))


def charge_images(request: Request, images: int) -> None:
    """Count pictures that were accepted for later; their pixels are known when they are decoded, by the ledger."""
    _charge(request, images=images, pixels=0)


async def _counted(request: Request, principal_id: str, route: str) -> Standing:
    """Count bytes, quotas and rates; what one of them refuses, the others do not keep."""
    platform, threads = platform_of(request), authentications_of(request)
    rates, quotas = platform.rates, platform.quotas
    hold = rates.hold(principal_id, announced_bytes(request.scope) or 0)
    try:
        standing = await _run(threads, partial(quotas.admit, principal_id), is_blocking=quotas.blocks(principal_id))
        try:
            standing += await _run(threads, partial(rates.admit, principal_id, route), is_blocking=rates.is_blocking)
        except UnavailableError:
            quotas.give_back(principal_id)
            raise
    except BaseException:
        hold.release()
        raise
    context_of(request.scope).hold = hold
    return standing


async def _run(threads: Threads, count: Callable[[], Standing], *, is_blocking: bool) -> Standing:
    """Count on a thread if it asks another machine, else at once."""
    return await threads.run(count) if is_blocking else count()


def _charge(request: Request, *, images: int, pixels: int) -> None:
    principal, platform = context_of(request.scope).principal, platform_of(request)
    if principal is None:
        return
    platform.quotas.charge(principal.id, images=images, pixels=pixels)
    if not platform.rates.is_blocking:
        platform.rates.charge(principal.id, images=images, pixels=pixels)
        return
    charging = authentications_of(request).run(platform.rates.charge, principal.id, images=images, pixels=pixels)
    task = asyncio.create_task(charging)
    _under_way.add(task)
    task.add_done_callback(_end)


def _end(task: asyncio.Task[None]) -> None:
    """Let a charge go; one that failed was told by the limiter itself, and its request has its answer."""
    _under_way.discard(task)
    if not task.cancelled():
        task.exception()


def _tell(request: Request, headers: dict[str, str]) -> None:
    context_of(request.scope).headers += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
