"""The three sagas of the demo, which describe each step on the screen."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text

from devstack.payment_pages import PaymentPages
from devstack.saga_client import Record, SagaClient, SagaError
from devstack.stripe_simulator.client import SimulatorControl


@dataclass(frozen=True)
class Saga:
    """One order and its saga, with the lines for the screen."""

    client: SagaClient
    pages: PaymentPages
    stripe: SimulatorControl
    console: Console
    order_id: str = field(default_factory=lambda: f"order-{secrets.token_hex(3)}")
    correlation_id: str = field(default_factory=lambda: f"saga-{secrets.token_hex(3)}")

    def ask(
        self, command_type: str, payload: dict[str, Any], description: str, correlation_id: str | None = None
    ) -> None:
        """Sends a command."""
        correlation_id = correlation_id or self.correlation_id
        self._say("→", "cyan", f"{command_type}: {description}; correlation id {correlation_id}")
        self.client.send(command_type, correlation_id, payload)

    def hear(self, command_type: str, status: str, correlation_id: str | None = None) -> Record:
        """Waits for the outcome event. Raises SagaError when another one comes, or none."""
        event = self.client.outcome(command_type, correlation_id or self.correlation_id)
        if event.status != status:
            raise SagaError(f"{command_type} was to end in {status}, and ended in {event.type}: {event.payload}")
        self._say("←", "green", f"{event.type}: {status}; event {event.headers.get('sequence')} of this payment")
        return event

    def see(self, status: str) -> dict[str, Any]:
        """Reads the payment over HTTP. Raises SagaError when its status is not the expected one."""
        payment = self.pages.payment_in(status, self.order_id)
        self._say("·", "blue", f"GET /payment/{self.order_id}/status says {status}")
        return payment

    def note(self, text: str) -> None:
        """Describes an action of another party."""
        self._say("·", "magenta", text)

    def ledger(self, intent_id: str) -> None:
        """Shows the movements at Stripe."""
        effects = ", ".join(
            f"{entry.effect} {entry.amount / 100:.2f} {entry.currency.upper()}"
            for entry in self.stripe.ledger(payment_intent=intent_id)
        )
        self._say("$", "yellow", f"at Stripe: {effects}")

    def _say(self, mark: str, style: str, text: str) -> None:
        self.console.print(Text.assemble(f"  {mark} ", text, style=style), soft_wrap=True)

    def authorize(self, card: str, description: str) -> None:
        """Asks for a hold of 12.50 SGD."""
        payload = {
            "customer_id": "customer-7",
            "payment_method_id": card,
            "amount": 1250,
            "currency": "sgd",
            "order_id": self.order_id,
            "return_url": "https://campus.example/orders",
        }
        self.ask("authorize_payment", payload, description)

    def release(self, payment_id: str) -> str:
        """Asks for the transfer to the runner, under a new correlation id."""
        correlation_id = f"{self.correlation_id}-done"
        runner = {"runner_id": "runner-3", "runner_connect_account_id": "acct_1DemoRunner"}
        self.ask("release_payment", {"payment_id": payment_id, **runner}, "the runner has delivered", correlation_id)
        return correlation_id


def paid_and_released(saga: Saga) -> str:
    """Hold, capture, transfer."""
    saga.authorize("pm_card_visa", "hold 12.50 SGD on the customer's card")
    payment_id = saga.hear("authorize_payment", "AUTHORIZED").payment_id
    saga.see("AUTHORIZED")
    return _released(saga, payment_id)


def reverted(saga: Saga) -> str:
    """Hold, then compensation under the same correlation id."""
    saga.authorize("pm_card_mastercard", "hold 12.50 SGD on the customer's card")
    payment_id = saga.hear("authorize_payment", "AUTHORIZED").payment_id
    saga.note("another step of the saga fails, so it compensates under the same correlation id")
    saga.ask("revert_payment", {"payment_id": payment_id, "reason": "no runner found"}, "give the money back")
    saga.hear("revert_payment", "REVERTED")
    saga.ledger(saga.see("REVERTED")["stripe_payment_intent_id"])
    return payment_id


def three_d_secure(saga: Saga) -> str:
    """The customer's bank asks for authentication; a webhook reports the result."""
    saga.authorize("pm_card_threeDSecure2Required", "a card whose bank wants 3-D Secure")
    payment = saga.see("REQUIRES_ACTION")
    saga.note(f"the customer is sent on: {payment['next_action']['type']}; no outcome is published yet")
    saga.note("the customer passes 3-D Secure, and Stripe sends the service a webhook")
    saga.stripe.finish_challenge(payment["stripe_payment_intent_id"])
    return _released(saga, saga.hear("authorize_payment", "AUTHORIZED").payment_id)


def _released(saga: Saga, payment_id: str) -> str:
    correlation_id = saga.release(payment_id)
    saga.hear("release_payment", "SUCCEEDED", correlation_id)
    saga.ledger(saga.see("SUCCEEDED")["stripe_payment_intent_id"])
    return payment_id


STORIES: dict[str, Callable[[Saga], str]] = {
    "Paid and released": paid_and_released,
    "Authorized, then reverted": reverted,
    "3-D Secure, finished by webhook": three_d_secure,
}
"""Each runs one saga and returns its payment id."""
