"""Which faces there are, and the routes of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fastapi import APIRouter
from starlette.routing import BaseRoute

from saccade.api.faces import (
    huggingface,
    kserve,
    oip,
    system0,
    system1,
    system2,
    system3,
    system3_accounts,
    system3_models,
    system4,
)
from saccade.settings import Root

#: By name; those of numbers can be switched off.
FACES: Mapping[str, tuple[APIRouter, ...]] = {
    "hf": (huggingface.router,),
    "oip": (oip.router,),
    "kserve": (kserve.router,),
    "0": (system0.router,),
    "1": (system1.router,),
    "2": (system2.router,),
    "3": (system3_accounts.router, system3_models.router, system3.router),
    "4": (system4.router,),
}
#: By number, what a face answers at paths that only one can own.
ROOTS: Mapping[str, APIRouter] = {
    "0": system0.root,
    "1": system1.root,
    "2": system2.root,
    "3": system3.root,
    "4": system4.root,
}


def face_routes(off: Collection[str]) -> list[BaseRoute]:
    """Return the routes of all faces but those that are off."""
    shown = [router for name, routers in FACES.items() if name not in off for router in routers]
    return [route for router in shown for route in router.routes]


def root_routes(root: Root) -> list[BaseRoute]:
    """Return what is answered at paths that only one can own, in the place of our own."""
    return [] if root is Root.NATIVE else list(ROOTS[root.value].routes)
