"""The API's own description: OpenAPI as JSON, and the same as a page to read."""

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from flask import Blueprint, Response, render_template

from service.api.description_page import view

PATH = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
_STYLE = Path(__file__).with_name("templates") / "description.css"


def blueprint() -> Blueprint:
    """Both routes. They need a token where callers need one."""
    routes = Blueprint("descriptions", __name__, template_folder="templates")

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(_as_json(), mimetype="application/json")

    @routes.get("/docs")
    def docs() -> Response:
        return Response(_page(), content_type="text/html; charset=utf-8", headers=_headers())

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
def _style() -> str:
    return _STYLE.read_text(encoding="utf-8")


@cache
def _page() -> str:
    return render_template("description.html", style=_style(), **view(document()))


@cache
def _headers() -> dict[str, str]:
    """Nothing but the page's one style sheet is allowed (Content Security Policy Level 3)."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
