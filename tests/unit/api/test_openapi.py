"""The API describes itself, and the description is true."""

import ast
import json
from pathlib import Path

import openapi_spec_validator
import pytest

import saccade.api
from saccade.api import problems
from saccade.api.app import describe_app
from saccade.api.dialects import dialect_of
from saccade.api.schemas.jobs import Delivery, DeliveryList, Job, JobList, JobResults, Queue, WebhookSecret
from saccade.api.schemas.models import ModelList
from saccade.api.schemas.predictions import Pairs, Prediction
from saccade.api.schemas.problems import Problem
from saccade.api.schemas.service import Config, Health, Index, Readiness, Version
from unit.api.jobs_at_work import work_off

METHODS = {"get", "post", "put", "delete", "patch"}


@pytest.fixture(scope="module")
def document():
    return describe_app().openapi()


def operations(document):
    return [operation for path in document["paths"].values() for name, operation in path.items() if name in METHODS]


def test_document_is_valid_openapi(document):
    """OpenAPI 3.1, by the standard's own schema."""
    openapi_spec_validator.validate(document)

    assert document["openapi"].startswith("3.1")


def test_operations_have_stable_ids_summaries_and_tags(document):
    """Generated clients name their methods by these."""
    ids = [operation["operationId"] for operation in operations(document)]

    assert sorted(ids) == [
        "add_evaluation",
        "cancel_job",
        "change_password",
        "change_profile",
        "change_user",
        "config",
        "create_user",
        "disable_key",
        "erase_image",
        "erase_job",
        "forget_model",
        "give_role",
        "health",
        "huggingface_predict",
        "index",
        "job_events",
        "job_results",
        "kserve_predict",
        "list_aliases",
        "list_deliveries",
        "list_evaluations",
        "list_image_ids",
        "list_jobs",
        "list_keys",
        "list_models",
        "list_objects",
        "list_users",
        "livez",
        "load_model",
        "login",
        "logout",
        "make_key",
        "me",
        "metrics",
        "new_webhook_secret",
        "oip_index",
        "oip_infer",
        "oip_infer_version",
        "oip_live",
        "oip_load",
        "oip_model",
        "oip_model_ready",
        "oip_model_version",
        "oip_model_version_ready",
        "oip_models",
        "oip_ready",
        "oip_server",
        "oip_server_slash",
        "oip_unload",
        "predict_image",
        "predict_pairs",
        "problem_type",
        "promote_version",
        "readyz",
        "redeliver",
        "register",
        "register_model",
        "remember_image",
        "remove_alias",
        "retry_job",
        "roll_back",
        "rotate_key",
        "search_images",
        "set_password",
        "show_annotated",
        "show_content",
        "show_image",
        "show_job",
        "show_key",
        "show_model",
        "show_object",
        "show_queue",
        "show_usage",
        "show_usage_report",
        "show_user",
        "startupz",
        "submit_job",
        "system0_gateway_health",
        "system0_inference",
        "system0_queue_stats",
        "system0_results",
        "system0_status",
        "system0_version",
        "system1_classify",
        "system1_classify_batch",
        "system1_health",
        "system1_model_info",
        "system2_inference",
        "system2_prediction",
        "system3_add_role",
        "system3_all_models",
        "system3_create_admin",
        "system3_disable_key",
        "system3_download",
        "system3_list_keys",
        "system3_login",
        "system3_make_key",
        "system3_models",
        "system3_new_account",
        "system3_predict",
        "system3_profile",
        "system3_register",
        "system3_remove_role",
        "system3_result",
        "system3_results",
        "system3_search",
        "system3_status",
        "system4_object",
        "system4_objects",
        "system4_upload",
        "take_role",
        "unload_model",
        "version",
    ]
    tags = {tag["name"] for tag in document["tags"]}
    assert all(operation["summary"] and set(operation["tags"]) <= tags for operation in operations(document))
    assert all(operation["description"] for operation in operations(document))


def test_refusals_are_described_as_problems(document):
    """Every 4xx and 5xx of our routes is problem+json; the face's are its own; readiness is no problem."""
    for path, item in document["paths"].items():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if int(status) < 400 or (
                    status == "503" and operation["operationId"] in {"readyz", "startupz", "health"}
                ):
                    continue
                expected = "application/json" if dialect_of(path) else problems.MEDIA_TYPE
                assert list(response["content"]) == [expected], (path, status)


def test_every_reference_leads_to_a_schema(document):
    """No schema is missing, none is left over."""
    text = json.dumps(document)
    named = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}

    assert {part.split('"')[0] for part in text.split('"$ref": "')[1:]} == named


def test_raw_body_is_described(document):
    """A body of bytes is visible, beside form and JSON."""
    body = document["paths"]["/v1/models/{model}/predict"]["post"]["requestBody"]

    assert set(body["content"]) == {"application/octet-stream", "image/*", "application/json", "multipart/form-data"}


def test_real_answers_fit_their_schemas(client, picture):
    """What the routes answer is what the document says, key for key."""
    body = {"images": [{"base64": "%%%"}], "models": ["animals"]}
    answers = {
        Prediction: client.post("/v1/models/circles/predict", content=picture),
        Pairs: client.post("/v1/predict", json=body),
        Problem: client.post("/v1/models/animals/predict?top_k=0", content=picture),
        ModelList: client.get("/v1/models"),
        Config: client.get("/config"),
        Health: client.get("/health"),
        Readiness: client.get("/readyz"),
        Index: client.get("/"),
        Version: client.get("/version"),
    }

    for shape, answer in answers.items():
        assert shape.model_validate_json(answer.content).model_dump(mode="json", exclude_unset=True).keys() == (
            answer.json().keys()
        )


def test_real_jobs_fit_their_schemas(client, platform, picture):
    """A job in every shape: accepted, listed, ended with results and problems, delivered, in the queue, erased."""
    files = [("images", ("a.png", picture)), ("images", ("b.png", picture))]
    fields = {"models": ["animals", "circles"], "webhook": "https://hooks.example/a", "deadline_s": "60"}
    secret = client.post("/v1/webhooks/secret")
    accepted = client.post("/v1/jobs", files=files, data=fields)
    job_id = accepted.json()["id"]
    running = client.get("/v1/queue")
    work_off(platform, fail={1})
    deliveries = client.get(f"/v1/jobs/{job_id}/deliveries")
    delivery_id = deliveries.json()["deliveries"][0]["id"]
    answers = [
        (Job, accepted),
        (Job, client.get(f"/v1/jobs/{job_id}")),
        (JobList, client.get("/v1/jobs?limit=1")),
        (JobResults, client.get(f"/v1/jobs/{job_id}/results?limit=3")),
        (JobResults, client.get(f"/v1/jobs/{job_id}/results")),
        (DeliveryList, deliveries),
        (Delivery, client.post(f"/v1/jobs/{job_id}/deliveries/{delivery_id}/redeliver")),
        (Queue, running),
        (Queue, client.get("/v1/queue")),
        (WebhookSecret, secret),
    ]

    for shape, answer in answers:
        assert answer.is_success
        assert shape.model_validate_json(answer.content).model_dump(mode="json", exclude_unset=True).keys() == (
            answer.json().keys()
        )


def test_served_document_is_the_described_one(client, document):
    """What is committed, tested and served is one."""
    assert client.get("/openapi.json").json() == document


def test_edge_imports_nothing_heavy_when_it_starts():
    """Start-up time is a promise: clients, hubs and graph tools are imported when used."""
    heavy = {"httpx2", "huggingface_hub", "onnx", "onnxruntime", "numpy", "PIL", "fastapi_offline", "ecs_logging"}
    found = [
        (path.name, name)
        for path in Path(saccade.api.__file__).parent.rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
        if name.partition(".")[0] in heavy
    ]

    assert found == []
