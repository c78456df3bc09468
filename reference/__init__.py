"""``python -m reference`` writes the documents that come from the code. Tests compare them.

- ``configuration``: docs/configuration.md, from the settings of every process.
- ``amounts``: docs/schemas/amounts.json, from Stripe's limits for each currency.
"""
