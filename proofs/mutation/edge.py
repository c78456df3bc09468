"""What keeps strangers' bytes, time and connections from stopping the service, and their words from its logs."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_API = "tests/integration/api"
_WORKER = "service/serving/worker.py"
_CONNECTION = "service/serving/connection.py"
_OPS = "runtime/probes.py"

MECHANISMS = (
    Mechanism(
        "request-deadline",
        g.SLOW_CLIENTS,
        "a request may take for ever",
        (
            Change(
                "service/serving/clients.py",
                "in self._waiting if every else self._waiting.expired(time.monotonic()):",
                "in self._waiting if every else []:",
            ),
        ),
        (f"{_API}/test_slow_clients.py::test_others_are_answered_and_slow_ones_are_sent_away[head]",),
    ),
    Mechanism(
        "room-in-a-crowd",
        g.SLOW_CLIENTS,
        "a process that is full takes nobody in",
        (Change(_WORKER, "if self.nr_conns >= self._most:", "if not self._most:"),),
        (f"{_API}/test_slow_clients.py::test_a_crowd_of_connections_leaves_room_for_others",),
    ),
    Mechanism(
        "answers-are-not-waited-for",
        g.SLOW_CLIENTS,
        "an answer is sent by whoever made it, until the client has taken it",
        (
            Change(
                _CONNECTION,
                "                self.unsent = self.unsent[self.socket.send(self.unsent) :]",
                "                self.socket.setblocking(True)\n                self.socket.sendall(self.unsent)\n"
                '                self.unsent = b""',
            ),
        ),
        (f"{_API}/test_slow_clients.py::test_who_does_not_read_answers_keeps_no_thread",),
    ),
    Mechanism(
        "ops-port-bounds",
        g.PROBES,
        "the ops port takes everybody in, for as long as they like",
        (
            Change(_OPS, "if len(self._open) >= MAX_CONNECTIONS:", "if not MAX_CONNECTIONS:"),
            Change(_OPS, "HEAD_SECONDS = 5.0", "HEAD_SECONDS = 3600.0"),
        ),
        (f"{_API}/test_ops_port.py::test_a_probe_is_answered_beside_a_thousand_silent_clients",),
    ),
    Mechanism(
        "unreadable-events-are-recorded",
        g.SENT_AGAIN,
        "an event that cannot be applied is refused",
        (
            Change(
                "service/gateway/webhooks.py",
                "        unreadable = str(exc)",
                "        raise BadWebhookError(str(exc)) from exc",
            ),
        ),
        (f"{_API}/test_webhook_forms.py::test_no_signed_body_is_a_fault_of_ours",),
    ),
    Mechanism(
        "refused-events-are-recorded",
        g.SENT_AGAIN,
        "what the database refuses is a fault of ours",
        (Change("service/usecases/stripe_events.py", "if not is_refused(error):", "if error:"),),
        (f"{_API}/test_webhook_forms.py::test_what_the_database_refuses_is_recorded",),
    ),
    Mechanism(
        "malformed-chunks",
        g.SENT_AGAIN,
        "what is no HTTP is waited for until it is",
        (
            Change(
                _CONNECTION,
                "            raise RequestRefusedError(refusal_of(error)) from error",
                "            return",
            ),
        ),
        (f"{_API}/test_server.py::test_what_is_no_http_is_answered_in_the_same_shape",),
    ),
    Mechanism(
        "errors-in-words",
        g.LOGS,
        "exceptions are logged as Python prints them",
        (
            Change(
                "runtime/error_text.py",
                'return "\\n".join(_lines(exc_info[1], set()))',
                'return "".join(traceback.format_exception(exc_info[1]))',
            ),
        ),
        (f"{_API}/test_error_answers.py::test_serve[json]", f"{_API}/test_error_answers.py::test_consume[json]"),
    ),
    Mechanism(
        "printable",
        g.LOGS,
        "text from outside is printed as it is",
        (Change("runtime/printable.py", "if text.isprintable():", "if text:"),),
        ("tests/integration/commandline/test_hostile_text.py::test_nothing_speaks_to_the_terminal[payment show]",),
    ),
)
