"""``payment audit`` on the books of a core and its simulated Stripe, and changes by hand on either side."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from click.testing import CliRunner, Result

from commandline.main import cli
from devstack.stripe_simulator.client import SimulatorControl
from tests.support.core import Core, running_core
from tests.support.emptying import UNGUARDED

_LOSE = (
    f"{UNGUARDED}; "
    "DELETE FROM movements WHERE payment_id = :p; DELETE FROM payment_transitions WHERE payment_id = :p; "
    "DELETE FROM commands WHERE payment_id = :p; DELETE FROM payments WHERE payment_id = :p"
)


@dataclass(frozen=True)
class Books:
    """A core whose webhooks wait until a test delivers them, and its audit."""

    core: Core
    database_url: str

    def run(self, *words: str, code: int = 0, **env: str) -> Result:
        """Run the audit and check its exit code."""
        base = {"STRIPE_SECRET_KEY": "sk_test_core", "STRIPE_API_BASE": self.core.stripe.base_url, "COLUMNS": "80"}
        runner = CliRunner(env={"DATABASE_URL": self.database_url, **base, **env})
        result = runner.invoke(cli, ["payment", "audit", *words], prog_name="cli.py")
        assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        return result

    def agree(self, *words: str) -> dict[str, Any]:
        """The JSON output of an audit without differences."""
        found: dict[str, Any] = json.loads(self.run(*words, "--json").stdout)
        assert found["differs"] == []
        return found

    def differ(self, *words: str) -> dict[str, Any]:
        """The JSON output of an audit with differences."""
        found: dict[str, Any] = json.loads(self.run(*words, "--json", code=1).stdout)
        return found

    def only_difference(self, *words: str) -> dict[str, Any]:
        """The only difference."""
        (found,) = self.differ(*words)["differs"]
        difference: dict[str, Any] = found
        return difference

    def lose(self, payment_id: UUID) -> None:
        """Delete the payment from the database, as a restore would."""
        self.core.sql(_LOSE, p=payment_id)

    def forget_movement(self, kind: str, payment_id: UUID) -> None:
        """Delete one movement from the ledger, and its amount from the sums."""
        self.core.sql(
            f"{UNGUARDED}; DELETE FROM movements WHERE payment_id = :p AND kind = :k",
            p=payment_id,
            k=kind,
        )

    def learnt_later(self, kind: str, days: int) -> None:
        """Let the database's clock reach Stripe's, which a test moved, before a movement is learned."""
        moment = "now() + make_interval(days => :d)"
        values = f"happened_at = {moment}, learnt_at = {moment}"
        self.core.sql(f"{UNGUARDED}; UPDATE movements SET {values} WHERE kind = :k", k=kind, d=days)

    def stranger(self, **fields: str) -> dict[str, Any]:
        """Another program pays on the same account, with immediate capture."""
        asked = {
            "amount": "700",
            "currency": "sgd",
            "payment_method": "pm_card_visa",
            "confirm": "true",
            "return_url": "https://other.example",
            **fields,
        }
        made = self.core.ask_stripe("POST", "payment_intents", asked)
        assert "error" not in made, made
        return made


def sums_of(report: dict[str, Any], side: str, currency: str = "sgd") -> dict[str, int]:
    """The kinds of movements that occurred, with their sums."""
    return {kind: amount for kind, amount in report["sums"][currency][side].items() if amount}


@contextmanager
def open_books(database_url: str, simulator: SimulatorControl) -> Iterator[Books]:
    """A core on this database and this Stripe."""
    with running_core(database_url, simulator) as core:
        yield Books(core, database_url)
