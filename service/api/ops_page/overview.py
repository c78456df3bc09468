"""The page that an operator opens first: health, work that is left, the relay's lag, and money that is owed."""

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from service.api.ops_page import asked, health, pictures
from service.api.ports import Unready
from service.usecases.operations.desk import Desk


def install(routes: Blueprint, desk: Desk, unready: Callable[[], Unready | None]) -> None:
    """The route of ``/ops``."""

    @routes.get("")
    def overview() -> str:
        hours = pictures.hours(request.args.get("hours"))
        found, old_holds, samples = desk.overview(timedelta(hours=hours))
        begin = found.relay.clock - timedelta(hours=hours)
        holds, more_holds = asked.first_page(old_holds)
        return render_template(
            "overview.html",
            found=found,
            parts=health.parts(found, unready()),
            line=pictures.line(samples, begin, found.relay.clock),
            hours=hours,
            holds=holds,
            more_holds=more_holds,
            owed=desk.owed(),
            width=pictures.LINE_WIDTH,
            height=pictures.LINE_HEIGHT,
        )

    @routes.get("/")
    def index() -> Response:
        return redirect(url_for("ops_page.overview"), 301)
