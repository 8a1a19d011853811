"""Webhooks: what was delivered, once more, and the secret that signs."""

from __future__ import annotations

import base64
import secrets

from starlette.requests import Request
from starlette.responses import Response

from saccade.api.answers import JsonAnswer
from saccade.api.dependencies import lookups_of
from saccade.api.description import new_router
from saccade.api.job_access import checked_id, owner_of, store_of
from saccade.api.job_descriptions import deliveries_operation, redeliver_operation, secret_operation
from saccade.api.principals import principal_of
from saccade.errors import DeliveryUnknown
from saccade.jobs.ids import is_id
from saccade.jobs.render import delivery_to_json

router = new_router("jobs")

#: Random bytes of a secret; Standard Webhooks asks for 24 to 64.
_SECRET_BYTES = 32
_NO_STORE = {"Cache-Control": "no-store"}


@router.get("/v1/jobs/{job_id}/deliveries", **deliveries_operation())
async def list_deliveries(request: Request, job_id: str) -> Response:
    """Return a job's webhook deliveries, oldest first, with what became of the last attempt."""
    deliveries, owner = store_of(request).deliveries, await owner_of(request, checked_id(job_id))
    found = await lookups_of(request).run(deliveries.of_job, owner, job_id)
    return JsonAnswer({"deliveries": [delivery_to_json(delivery) for delivery in found]}, headers=_NO_STORE)


@router.post("/v1/jobs/{job_id}/deliveries/{delivery_id}/redeliver", **redeliver_operation(), status_code=202)
async def redeliver(request: Request, job_id: str, delivery_id: str) -> Response:
    """Make a delivery due now, its attempts counted anew, whatever became of it before."""
    principal, deliveries = await owner_of(request, checked_id(job_id)), store_of(request).deliveries
    if not is_id(delivery_id):
        await lookups_of(request).run(store_of(request).records.job, principal, checked_id(job_id))
        raise DeliveryUnknown("There is no such delivery.")
    delivery = await lookups_of(request).run(deliveries.redeliver, principal, checked_id(job_id), delivery_id)
    return JsonAnswer(delivery_to_json(delivery), status=202, headers=_NO_STORE)


@router.post("/v1/webhooks/secret", **secret_operation(), status_code=201)
async def new_webhook_secret(request: Request) -> Response:
    """Make the secret that signs the caller's webhooks from now on; it is shown this once."""
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode('ascii')}"
    await lookups_of(request).run(store_of(request).deliveries.new_secret, principal_of(request), secret)
    return JsonAnswer({"secret": secret}, status=201, headers=_NO_STORE)
