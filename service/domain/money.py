"""Amounts in minor units, and Stripe's limits for each currency.

Source: Stripe documentation, "Supported currencies" (zero-decimal, three-decimal, charge limits).
"""

from dataclasses import dataclass

_DIGITS = {"idr": 12}
_USUAL_DIGITS = 8
_STEP = dict.fromkeys(("isk", "ugx"), 100)
"""Currencies without decimals to which Stripe gives two; these must be 00."""

ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
TWO_DECIMAL = frozenset(
    (
        "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf "
        "chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf "
        "idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk "
        "mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd "
        "shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs wst xcd yer zar zmw "
    ).split()
)
CURRENCIES = ZERO_DECIMAL | TWO_DECIMAL | THREE_DECIMAL

MINIMUM = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Money:
    """``amount`` in the currency's minor unit; ``currency`` in lower case."""

    amount: int
    currency: str


def is_currency(code: str) -> bool:
    """Whether ``code`` (lower case) is a currency that Stripe charges in."""
    return code in CURRENCIES


def limits(currency: str) -> tuple[int, int, int]:
    """The least and the greatest amount that ``amount_fault`` takes, and the step between amounts."""
    step = 10 if currency in THREE_DECIMAL else _STEP.get(currency, 1)
    greatest = 10 ** _DIGITS.get(currency, _USUAL_DIGITS) - 1
    return MINIMUM.get(currency, 1), greatest, step


def amount_fault(money: Money) -> str | None:
    """Why Stripe would refuse this amount, in words that tell the caller what to change; None if it would not.

    If Stripe publishes no minimum for a currency, only Stripe's own answer decides.
    """
    if money.amount <= 0:
        return f"amount must be a positive integer in minor units of {money.currency}"
    digits = _DIGITS.get(money.currency, _USUAL_DIGITS)
    if len(str(money.amount)) > digits:
        return f"amount has more than {digits} digits; Stripe takes at most {digits} in {money.currency}"
    minimum = MINIMUM.get(money.currency)
    if minimum is not None and money.amount < minimum:
        return f"amount is below Stripe's minimum of {minimum} minor units of {money.currency}"
    if money.currency in THREE_DECIMAL and money.amount % 10:
        return f"amount in {money.currency} must end in 0: Stripe takes three-decimal currencies in tens"
    if money.amount % _STEP.get(money.currency, 1):
        return f"amount in {money.currency} must end in 00: Stripe takes this currency in whole hundreds of minor units"
    return None
