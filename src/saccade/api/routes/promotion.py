"""Aliases of models: what they mean, promotion, rollback; and the evaluations that promotion rests on."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer
from saccade.api.cursors import no_cursor, single, whole_number
from saccade.api.dependencies import lookups_of, platform_of
from saccade.api.description import body_of, created, emptied, new_router, operation, page_parameters
from saccade.api.documents import read_document
from saccade.api.principals import bare_name, principal_of
from saccade.api.promotion_render import aliases_to_json, change_to_json, evaluation_to_json
from saccade.jobs.ids import is_id
from saccade.models.evaluations import EvaluationRecord, checked_figures

router = new_router("models")

_NO_STORE = {"Cache-Control": "no-store"}
_BODY_PROBLEMS = (400, 404, 409, 413, 415, 500, 503)
_PROBLEMS = (404, 409, 500, 503)
_DEFAULT_PAGE = 50
_LARGEST_PAGE = 200


@router.get(
    "/v1/models/{model}/aliases",
    **operation("List a model's aliases", action=Action.MODELS_READ, ok="AliasList", problems=(404, 503)),
)
async def list_aliases(request: Request, model: str) -> Response:
    """Return what a model's aliases mean, and who changed them when, to what, on what grounds.

    A model that is not here any more, or whose version in service is not, has its history all the same.
    """
    name = bare_name(model)
    meant, history = await lookups_of(request).run(platform_of(request).promoter.told, name)
    return JsonAnswer(aliases_to_json(name, meant, history), headers=_NO_STORE)


@router.post(
    "/v1/models/{model}/aliases/{alias}",
    **operation(
        "Promote a version",
        action=Action.MODELS_WRITE,
        ok="AliasChange",
        problems=_BODY_PROBLEMS,
        extra=body_of("Promotion"),
    ),
)
async def promote_version(request: Request, model: str, alias: str) -> Response:
    """Let an alias mean a version; with `if` only when the newest evaluation of its very files says so.

    What the bare name means is `prod`. A refusal names each figure, what was asked and what it is. Other servers and
    workers on the same database observe it within seconds. What the alias means already is looked at in the same way;
    then `changed` is false, and the rest is the change by which it came to mean that.
    """
    from saccade.api.schemas.promotion import Promotion

    asked = await read_document(request, Promotion)
    made = await lookups_of(request).run(
        platform_of(request).promoter.promote,
        f"{bare_name(model)}@{asked.version}",
        principal=principal_of(request),
        alias=alias,
        condition=asked.condition,
        dataset=asked.dataset,
    )
    return JsonAnswer(change_to_json(made.change, is_new=made.is_new), headers=_NO_STORE)


@router.post(
    "/v1/models/{model}/aliases/{alias}/rollback",
    **operation("Roll an alias back", action=Action.MODELS_WRITE, ok="AliasChange", problems=_PROBLEMS),
)
async def roll_back(request: Request, model: str, alias: str) -> Response:
    """Let an alias mean what it meant before; again, and it goes one further back."""
    promoter = platform_of(request).promoter
    change = await lookups_of(request).run(
        promoter.rollback, bare_name(model), principal=principal_of(request), alias=alias
    )
    return JsonAnswer(change_to_json(change), headers=_NO_STORE)


@router.delete(
    "/v1/models/{model}/aliases/{alias}",
    **emptied(
        operation("Take an alias away", action=Action.MODELS_WRITE, ok=None, problems=_PROBLEMS),
        "It means nothing any more.",
    ),
    status_code=204,
)
async def remove_alias(request: Request, model: str, alias: str) -> Response:
    """Let an alias mean nothing; without `prod` the bare name means the newest version again."""
    promoter = platform_of(request).promoter
    await lookups_of(request).run(promoter.remove, bare_name(model), principal=principal_of(request), alias=alias)
    return Response(status_code=204)


@router.post(
    "/v1/models/{model}/evaluations",
    **created(
        operation(
            "Write an evaluation down",
            action=Action.MODELS_WRITE,
            ok="Evaluation",
            problems=_BODY_PROBLEMS,
            extra=body_of("NewEvaluation"),
        )
    ),
    status_code=201,
)
async def add_evaluation(request: Request, model: str) -> Response:
    """Keep the figures of a version, `name@version`, whose files this server has; `saccade evaluate` sends them."""
    from saccade.api.schemas.promotion import NewEvaluation

    asked = await read_document(request, NewEvaluation)
    record = EvaluationRecord(
        id=asked.id,
        name=bare_name(model),
        model=model,
        digest=asked.digest,
        task=asked.task,
        dataset=asked.dataset,
        images=asked.images,
        figures=checked_figures(asked.figures),
        principal=principal_of(request),
    )
    kept = await lookups_of(request).run(platform_of(request).promoter.note, record)
    return JsonAnswer(evaluation_to_json(kept), status=201, headers=_NO_STORE)


@router.get(
    "/v1/models/{model}/evaluations",
    **operation(
        "List a model's evaluations",
        action=Action.MODELS_READ,
        ok="EvaluationList",
        problems=(404, 503),
        extra={"parameters": page_parameters()},
    ),
)
async def list_evaluations(request: Request, model: str) -> Response:
    """Return the evaluations of all versions of a model, newest first."""
    limit = whole_number(request, "limit", least=1, most=_LARGEST_PAGE) or _DEFAULT_PAGE
    after, name = single(request, "cursor"), bare_name(model)
    if after is not None and not is_id(after):
        raise no_cursor()
    promoter = platform_of(request).promoter

    def look() -> list[EvaluationRecord]:
        found = promoter.evaluations.list(name, after=after, limit=limit + 1)
        if not found:
            promoter.check_known(name)
        return found

    found = await lookups_of(request).run(look)
    shown, following = found[:limit], None
    if len(found) > limit:
        query = urlencode({"cursor": shown[-1].id, "limit": str(limit)})
        following = f"/v1/models/{quote(name)}/evaluations?{query}"
    return JsonAnswer(
        {"evaluations": [evaluation_to_json(record) for record in shown], "next": following}, headers=_NO_STORE
    )
