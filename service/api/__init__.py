"""HTTP: each route reads the request, calls one use case, and writes the result as JSON.

- ``payments`` (callers), ``webhooks`` (Stripe), ``ops`` (probes and metrics): the routes.
- ``ops_page``: the operators' page, with its own log-in, forms and errors.
- ``requests``, ``presentation``, ``replies``: request bodies and headers, payments as JSON, replies and errors.
- ``observability``, ``cors``, ``auth``, ``errors``: installed around all routes, in this order, by ``service.app``;
  ``limits`` limits the rate of wrong tokens, of acts and of log lines.
- ``descriptions``: OpenAPI as JSON and as a page, which ``description_page`` makes from it; ``description_login`` lets
  a browser read both with a token.
- ``ports``: the use cases and checks that the routes need.

Only the webhook changes a payment. A release or a revert, of callers and of operators, is appended to the outbox, as a
command for the consumer. The one call to Stripe reads a customer's next action and ends within 2 s.
"""
