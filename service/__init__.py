"""The payment service: it holds, captures, pays out and gives back an order's money at Stripe.

Two processes run this package. ``server`` serves HTTP and Stripe's webhooks. The consumer, a package of its own,
carries out commands with the objects that ``wiring`` builds. Operators' commands use ``wiring``, too. Imports point
down this list:

- ``server``: gunicorn in this process; ``serving`` is its worker.
- ``bootstrap``, ``wiring``: connect the real objects, the first for HTTP, the second for commands.
- ``app``, ``api``: HTTP in, one use case, JSON out.
- ``usecases``: the transactions, and the calls to Stripe between them.
- ``storage``: PostgreSQL. No other module of the service imports SQLAlchemy.
- ``gateway``: Stripe. No other module of the service imports its library.
- ``settings``: the settings of both processes.
- ``domain``: the decisions, without input or output; beside it ``crash_points``, the places where tests kill a process.

The package never speaks to Kafka. It appends messages to the outbox table, and the relay publishes them.
"""
