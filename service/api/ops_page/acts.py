"""Acts: the form of each says what it will do and asks for a reason; sending it is the confirmation."""

from uuid import UUID, uuid4

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from service.api.ops_page import asked, plans
from service.api.ops_page.payments import sheet_of
from service.api.ops_page.plans import FormError, Plan
from service.api.ops_page.work import command_asked_for, letter_of
from service.domain.operator_acts import Channel, Grounds
from service.usecases.operations.desk import Desk
from service.usecases.operations.errors import OperatorError
from service.usecases.operations.page_acts import PageActs

_BOTH = ["GET", "POST"]


def install(routes: Blueprint, desk: Desk, acts: PageActs) -> None:
    """The routes of the acts, and of their list at ``/ops/actions``."""

    @routes.get("/actions")
    def actions() -> str:
        rows, more = asked.first_page(desk.actions(asked.number("below")))
        return render_template("actions.html", acts=rows, more=more)

    @routes.route("/payments/<uuid:payment_id>/<any(release,revert,replay):act>", methods=_BOTH)
    def act_on_payment(payment_id: UUID, act: str) -> Response:
        make = {"release": plans.release, "revert": plans.revert, "replay": plans.replay}[act]
        back = url_for("ops_page.payment", payment_id=payment_id)
        return _answer(make(acts, sheet_of(desk, payment_id)), back)

    @routes.route("/command/<any(retry,reopen):act>", methods=_BOTH)
    def act_on_command(act: str) -> Response:
        command, _ = command_asked_for(desk)
        make = {"retry": plans.retry, "reopen": plans.reopen}[act]
        back = url_for("ops_page.command", id=command["correlation_id"], type=command["command_type"])
        return _answer(make(acts, command), back)

    @routes.route("/dead-letters/<int:id_>/<any(resend,discard):act>", methods=_BOTH)
    def act_on_dead_letter(id_: int, act: str) -> Response:
        make = {"resend": plans.resend, "discard": plans.discard}[act]
        return _answer(make(acts, letter_of(desk, id_)), url_for("ops_page.dead_letter", id_=id_))


def _answer(plan: Plan, back: str) -> Response:
    """The form. Once it is sent: a redirect to the object, or the form with the reason why the act is not possible."""
    if request.method == "GET":
        return _form(plan, back, None, 200)
    try:
        grounds = Grounds(g.session.operator, Channel.PAGE, request.form.get("reason", ""))
        done = plan.perform(grounds, request.form)
    except (ValueError, FormError) as error:
        return _form(plan, back, f"{error}.", 400)
    except OperatorError as error:
        return _form(plan, back, f"{error}.", 409)
    return redirect(f"{back}{'&' if '?' in back else '?'}done={done}", 303)


def _form(plan: Plan, back: str, fault: str | None, status: int) -> Response:
    values = {field.name: request.form.get(field.name, field.value) for field in plan.fields}
    reason = request.form.get("reason", "")
    form_id = request.form.get("form_id") or uuid4()
    page = render_template("act.html", plan=plan, back=back, fault=fault, values=values, reason=reason, form_id=form_id)
    return make_response(page, status)
