"""Accounts and keys as JSON: never a hash, and a secret only where it was made a moment ago."""

from __future__ import annotations

from saccade.access.keys import MadeKey
from saccade.access.principals import Principal
from saccade.access.records import Account, KeyRecord
from saccade.jobs.render import time_text


def account_to_json(account: Account) -> dict[str, object]:
    """Return an account as its owner and admins see it."""
    return {
        "username": account.name,
        "roles": sorted(account.roles),
        "full_name": account.full_name,
        "email": account.email,
        "agency": account.agency,
        "disabled": account.is_disabled,
        "created_at": time_text(account.created_at_us),
    }


def key_to_json(record: KeyRecord) -> dict[str, object]:
    """Return a key without its secret."""
    return {
        "id": record.id,
        "owner": record.owner,
        "owner_name": record.owner_name,
        "scopes": sorted(record.scopes or ()),
        "service": record.service,
        "detail": record.detail,
        "usable": record.is_usable,
        "created_at": time_text(record.created_at_us),
        "expires_at": time_text(record.expires_at_us),
        "disabled_at": time_text(record.disabled_at_us),
        "disabled_by": record.disabled_by,
        "rotated_from": record.rotated_from,
        "last_used_at": time_text(record.last_used_at_us),
    }


def made_to_json(made: MadeKey) -> dict[str, object]:
    """Return a new key with its secret, for the only time."""
    return {**key_to_json(made.record), "key": made.text}


def principal_to_json(principal: Principal, account: Account | None) -> dict[str, object]:
    """Return who somebody is to this server."""
    return {
        "principal": principal.id,
        "name": principal.name,
        "roles": sorted(principal.roles),
        "via": principal.via,
        "scopes": None if principal.scopes is None else sorted(principal.scopes),
        "service": principal.service,
        "key_id": principal.key_id,
        "account": None if account is None else account_to_json(account),
    }
