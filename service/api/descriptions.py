"""The API's own description: OpenAPI as JSON, and the same as a page to read."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from flask import Blueprint, Response, render_template

from service.api import description_login
from service.api.description_page import view
from service.api.ops_page.sessions import Sessions

PATH = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"


def blueprint(readers: Sessions) -> Blueprint:
    """Both routes. They need a token where callers need one, or a session of one of ``readers``."""
    routes = Blueprint("descriptions", __name__, template_folder="templates")
    description_login.install(routes, readers)

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(_as_json(), mimetype="application/json")

    @routes.get("/docs")
    def docs() -> Response:
        return Response(_page(), content_type="text/html; charset=utf-8", headers=description_login.headers())

    return routes


@cache
def document() -> dict[str, Any]:
    """The description. Read once, when somebody asks for it."""
    found: dict[str, Any] = yaml.load(PATH.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader
    return found


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def _as_json() -> bytes:
    return json.dumps(document(), ensure_ascii=False, separators=(",", ":")).encode()


@cache
def _page() -> str:
    return render_template("description.html", style=description_login.style(), **view(document()))
