"""Work that is left: open commands, dead letters, messages that wait for the relay, and money that is owed."""

from flask import Blueprint, render_template, request

from service.api.ops_page import asked
from service.api.ops_page.errors import PageError
from service.api.ops_page.values import readable
from service.domain.commands.command import CommandType
from service.domain.progress import CommandState
from service.storage.operator_pages import CommandFilter
from service.storage.operator_session import Record
from service.usecases.operations.desk import Desk

_STATES = ("open", "retried", "discarded")


def install(routes: Blueprint, desk: Desk) -> None:
    """The routes of ``/ops/commands``, ``/ops/dead-letters``, ``/ops/relay`` and ``/ops/owed``."""

    @routes.get("/commands")
    def commands() -> str:
        wanted = CommandFilter(
            asked.text("type"),
            asked.choice("state", CommandState),
            asked.duration("older"),
            asked.text("fault") == "yes",
        )
        skipped = asked.skipped()
        rows, more = asked.first_page(desk.open_commands(wanted, skipped))
        return render_template(
            "commands.html", rows=rows, more=more, wanted=wanted, skipped=skipped, types=list(CommandType)
        )

    @routes.get("/command")
    def command() -> str:
        found, acts = command_asked_for(desk)
        return render_template("command.html", command=found, acts=acts)

    @routes.get("/dead-letters")
    def dead_letters() -> str:
        state = asked.text("state") or "open"
        if state not in _STATES:
            raise PageError(400, "Not found", f"state is one of {', '.join(_STATES)}.")
        reason = asked.text("reason")
        found, groups = desk.dead_letters(state, reason, asked.number("below"))
        rows, more = asked.first_page(found)
        return render_template(
            "dead_letters.html", rows=rows, more=more, groups=groups, state=state, reason=reason, states=_STATES
        )

    @routes.get("/dead-letters/<int:id_>")
    def dead_letter(id_: int) -> str:
        letter = letter_of(desk, id_)
        return render_template("dead_letter.html", letter=letter, value=readable(letter["value"]))

    @routes.get("/relay")
    def relay() -> str:
        return render_template("relay.html", found=desk.relay())

    @routes.get("/owed")
    def owed() -> str:
        return render_template("owed.html", owed=desk.owed(), reload=request.full_path)


def command_asked_for(desk: Desk) -> tuple[Record, list[Record]]:
    """The command that ``id`` and ``type`` name, and the acts on it. Raises PageError (404)."""
    id_, type_ = request.args.get("id", ""), asked.text("type")
    found = desk.command(id_, type_) if type_ is not None and asked.text("id") else None
    if found is None:
        raise PageError(404, "Not found", "There is no such command. It may not be accepted yet.")
    return found


def letter_of(desk: Desk, id_: int) -> Record:
    """The dead letter. Raises PageError (404)."""
    found = desk.dead_letter(id_) if id_ < 2**63 else None
    if found is None:
        raise PageError(404, "Not found", f"There is no dead letter {id_}.")
    return found
