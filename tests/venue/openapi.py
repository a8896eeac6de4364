"""Alpaca's own OpenAPI as the judge of every answer, where its file and a validator are there.

shape   `judge(response)` raises `AssertionError` with the first complaint about an answer's body
why     OpenAPI 3.0 is not quite JSON Schema: `nullable` becomes a type. And `oneOf` is read as
        `anyOf`: the recorded FILL rows fit both schemas that the file says exactly one of fits
"""

import importlib
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "alpaca"
TRADING = FOLDER / "trading-api.openapi.json"
DATA = FOLDER / "market-data-api.openapi.json"


def is_there() -> bool:
    """Whether answers can be judged; why not is said by `skip_unless_there`."""
    installed = importlib.util.find_spec("jsonschema") is not None
    return installed and TRADING.is_file() and DATA.is_file()


def skip_unless_there() -> None:
    """Skip the test, loudly."""
    if not is_there():
        pytest.skip(f"ANSWERS ARE NOT JUDGED BY ALPACA'S OPENAPI: {TRADING} or jsonschema missing")


@cache
def document(path: Path) -> Any:
    """The OpenAPI with its schemas as JSON Schema."""
    return _schema(json.loads(path.read_text(encoding="utf-8")))


def judge(response: requests.Response, *_: Any, **__: Any) -> None:
    """The answer is one that Alpaca's OpenAPI knows: its path, its status, its body's schema."""
    jsonschema: Any = importlib.import_module("jsonschema")
    path = urlsplit(response.request.url or "").path
    method = (response.request.method or "").lower()
    if isinstance(path, bytes):
        path = path.decode()
    api = document(DATA if path.startswith("/v2/stocks/") else TRADING)
    template = _template(api["paths"], path)
    known = api["paths"][template][method]["responses"]
    answer = known.get(str(response.status_code))
    assert answer is not None, f"{method} {template}: status {response.status_code} is not known"
    content = answer.get("content", {}).get("application/json")
    if content is None:
        return
    schema = {**content["schema"], "components": api["components"]}
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    error = jsonschema.exceptions.best_match(validator.iter_errors(response.json()))
    said = "" if error is None else f"{error.message} at {error.json_path}"
    assert error is None, f"{method} {template}: {said}"


def fields(schema: str) -> set[str]:
    """The fields of one of the trading API's schemas."""
    return set(document(TRADING)["components"]["schemas"][schema]["properties"])


def _template(paths: dict[str, Any], path: str) -> str:
    """The path as the OpenAPI writes it; one without a parameter wins."""
    if path in paths:
        return path
    parts = path.split("/")
    for template in paths:
        wanted = template.split("/")
        if len(wanted) == len(parts) and all(
            one == other or one.startswith("{") for one, other in zip(wanted, parts, strict=True)
        ):
            return template
    raise AssertionError(f"{path} is no path of Alpaca's")


def _schema(part: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: what is nullable may be null."""
    if isinstance(part, list):
        return [_schema(one) for one in part]
    if not isinstance(part, dict):
        return part
    made = {name: _schema(one) for name, one in part.items()}
    if "oneOf" in made:
        made["anyOf"] = made.pop("oneOf")
    if made.pop("nullable", None) is True:
        if isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
        if isinstance(made.get("enum"), list):
            made["enum"] = [*made["enum"], None]
    return made
