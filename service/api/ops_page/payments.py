"""Payments: found by any id, listed by status and age, and one payment's timeline."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from service.api.ops_page import asked, pictures
from service.api.ops_page.errors import PageError
from service.domain.payment import PaymentStatus
from service.storage.operator_payments import PaymentFilter
from service.usecases.operations.desk import Desk, Sheet
from service.usecases.operations.kafka_places import Search, placed
from service.usecases.operations.timeline import Entry

LONGEST_WORDS = 255


def install(routes: Blueprint, desk: Desk, search: Search | None) -> None:
    """The routes of ``/ops/search`` and ``/ops/payments``."""

    @routes.get("/search", endpoint="search")
    def found_by() -> Response | str:
        words = asked.text("q")
        found, commands = desk.search(words[:LONGEST_WORDS]) if words else ([], [])
        if len(found) == 1:
            return redirect(url_for("ops_page.payment", payment_id=found[0]["payment_id"]), 303)
        return render_template("search.html", words=words, found=found, commands=commands)

    @routes.get("/payments")
    def payments() -> str:
        status = asked.choice("status", PaymentStatus)
        wanted = PaymentFilter(
            [status] if status else [], asked.duration("older"), asked.text("customer"), asked.text("runner")
        )
        oldest_first = asked.text("order") == "oldest"
        rows, more = asked.first_page(desk.payments(wanted, asked.after(), oldest_first=oldest_first))
        shown = {"wanted": wanted, "status": status, "oldest_first": oldest_first, "statuses": list(PaymentStatus)}
        return render_template("payments.html", rows=rows, more=more, **shown)

    @routes.get("/payments/<uuid:payment_id>")
    def payment(payment_id: UUID) -> str:
        sheet, looked = sheet_of(desk, payment_id), asked.text("kafka") is not None
        entries, fault = _in_kafka(sheet, search) if looked else (sheet.entries, None)
        sheet, picture = sheet._replace(entries=entries), pictures.timeline(entries)
        kafka = {"looked": looked, "fault": fault, "can_look": search is not None}
        return render_template("payment.html", sheet=sheet, picture=picture, acts=sheet.acts, kafka=kafka)


def _in_kafka(sheet: Sheet, search: Search | None) -> tuple[list[Entry], str | None]:
    """The timeline with the places of its events, and Kafka's fault. Raises PageError (404) without Kafka."""
    if search is None:
        raise PageError(404, "Not found", "serve has no KAFKA_BOOTSTRAP_SERVERS, so it looks nothing up in Kafka.")
    return placed(sheet.entries, str(sheet.payment["payment_id"]), search)


def sheet_of(desk: Desk, payment_id: UUID) -> Sheet:
    """The payment. Raises PageError (404) when it does not exist."""
    sheet = desk.payment(payment_id)
    if sheet is None:
        raise PageError(404, "Not found", f"There is no payment {payment_id}.")
    return sheet
