"""One object of each kind that the simulator has."""

from devstack.stripe_simulator import disputes, reviews, webhook_endpoints
from tests.unit.stripe_simulator.conftest import Api


def every_object(api: Api) -> dict[str, dict[str, object]]:
    """One object of each kind, by its name."""
    intent = api.captured()
    source = intent["latest_charge"]
    transfer = api.post("transfers", {"currency": "sgd", "destination": "acct_x", "source_transaction": source})
    return {
        "payment_intent": intent,
        "charge": api.get(f"charges/{source}"),
        "payment_method": api.get(f"payment_methods/{intent['payment_method']}"),
        "transfer": transfer,
        "transfer_reversal": api.post(f"transfers/{transfer['id']}/reversals"),
        "refund": api.post("refunds", {"charge": source}),
        "balance_transaction": api.get("balance_transactions")["data"][0],
        "dispute": disputes.open_(api.simulator.state, api.captured()["latest_charge"]),
        "radar.early_fraud_warning": disputes.warn(api.simulator.state, source),
        "review": reviews.open_(api.simulator.state, source),
        "webhook_endpoint": webhook_endpoints.replace(api.simulator.state, [{"url": "https://a.example/"}])[0],
        "account": api.get("account"),
        "customer": api.get("customers/cus_9"),
        "balance": api.get("balance"),
        "event": api.events[0][1],
    }
