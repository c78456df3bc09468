"""``stripe-events``: the events that a webhook endpoint must be subscribed to."""

import click

from commandline.options import json_option
from commandline.output import say, say_json


@click.command("stripe-events", short_help="List the Stripe events to subscribe a webhook endpoint to.")
@json_option
def stripe_events(*, as_json: bool) -> None:
    """List the Stripe events that a webhook endpoint must be subscribed to, one a line.

    Needs no settings. `doctor` compares an account's endpoints with this list, where the key may read them.
    """
    from service.domain.event_types import SUBSCRIBED

    if as_json:
        say_json(list(SUBSCRIBED), indent=2)
    else:
        for name in SUBSCRIBED:
            say(name)
