"""The sums of the money that is not where it belongs, from the few payments that may owe any.

``operator_money`` finds the same debts payment by payment, and reads every payment for it.
"""

from sqlalchemy import text

from service.storage.engine import Connection
from service.storage.models.payment import MAY_OWE
from service.storage.operator_money import owed_of_strays

_BY_THE_INDEX = text("SET LOCAL enable_seqscan = off")
"""The planner has no statistics of how few payments meet the index's condition."""

_OWED = text(
    f"""
    WITH candidates AS MATERIALIZED (
        SELECT *, coalesce(transfer_amount, amount) AS sent, coalesce(transfer_currency, currency) AS sent_currency
        FROM payments WHERE {MAY_OWE}
    ), asked AS (
        SELECT payment_id FROM candidates WHERE failure IS NOT NULL
        UNION SELECT payment_id FROM commands
        WHERE state <> 'done' AND command_type IN ('release_payment', 'revert_payment')
    ), debts AS (
        SELECT 'customer' AS owed_to, currency, captured - refunded - disputed AS amount
        FROM candidates WHERE status IN ('FAILED', 'REVERTED')
        UNION ALL
        SELECT 'runner', sent_currency, sent - CASE WHEN transferred = 0 THEN sent
            WHEN stripe_reversal_id IS NOT NULL THEN 0 ELSE least(sent, transferred - reversed) END
        FROM candidates WHERE status = 'SUCCEEDED' AND stripe_transfer_id IS NOT NULL
        UNION ALL
        SELECT 'platform', sent_currency, transferred - reversed
        FROM candidates WHERE status IN ('FAILED', 'REVERTED')
        UNION ALL
        SELECT 'undecided', currency, captured - refunded - disputed FROM payments JOIN asked USING (payment_id)
        WHERE status IN ('AUTHORIZED', 'SUCCEEDED') AND stripe_transfer_id IS NULL
            AND captured_at < now() - CAST('10 minutes' AS interval)
    )
    SELECT owed_to, currency, sum(amount) FROM debts WHERE amount > 0 GROUP BY owed_to, currency
    """
)


def owed_in_all(connection: Connection) -> dict[tuple[str, str], int]:
    """By currency and creditor, what is owed in minor units: to a customer, a runner or the platform; ``undecided`` is
    captured money while a release or a revert, which decides whose it is, is open for ten minutes or has failed.

    Raises the database's error.
    """
    connection.execute(_BY_THE_INDEX)
    found = {(currency, to): int(amount) for to, currency, amount in connection.execute(_OWED)}
    for debt in owed_of_strays(connection):
        key = (debt["currency"], debt["to"])
        found[key] = found.get(key, 0) + int(debt["amount"])
    return found
