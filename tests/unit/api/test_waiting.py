"""The connections whose time is over, and the connections that make room for others."""

from service.serving.waiting import Phase, Waiting

SECONDS = {Phase.HEAD: 10.0, Phase.BODY: 30.0, Phase.LEAVING: 5.0, Phase.ANSWER: 30.0, Phase.IDLE: 75.0}


def test_time_limit_counts_from_the_start_of_a_phase() -> None:
    waiting: Waiting[str] = Waiting(SECONDS)
    waiting.put("a", Phase.HEAD, 0)
    waiting.put("a", Phase.HEAD, 9)
    assert (waiting.next_due(), waiting.expired(9.9), waiting.expired(10)) == (10, [], ["a"])
    waiting.put("a", Phase.BODY, 9)
    assert (waiting.next_due(), waiting.expired(38.9), waiting.expired(39)) == (39, [], ["a"])


def test_finished_wait_never_expires() -> None:
    waiting: Waiting[str] = Waiting(SECONDS)
    waiting.put("a", Phase.HEAD, 0)
    assert waiting.take("a") is Phase.HEAD
    assert (waiting.take("a"), waiting.next_due(), waiting.expired(1000), waiting.first_to_go()) == (
        None,
        None,
        [],
        None,
    )


def test_oldest_unfinished_request_makes_room_before_idle_connections() -> None:
    waiting: Waiting[str] = Waiting(SECONDS)
    for name, phase in (("idle", Phase.IDLE), ("body", Phase.BODY), ("old", Phase.HEAD), ("new", Phase.HEAD)):
        waiting.put(name, phase, 0)
    left = []
    while (first := waiting.first_to_go()) is not None:
        left.append(first)
        waiting.take(first)
    assert left == ["old", "new", "body", "idle"]


def test_hurry_shortens_waits_and_prolongs_none() -> None:
    waiting: Waiting[str] = Waiting(SECONDS)
    waiting.put("soon", Phase.IDLE, 0)
    waiting.put("late", Phase.IDLE, 74)
    waiting.hurry({Phase.IDLE: 2.0}, 74)
    waiting.put("later", Phase.IDLE, 75)
    assert [waiting.expired(now) for now in (74.9, 75, 76, 77)] == [
        [], ["soon"], ["soon", "late"], ["soon", "late", "later"],
    ]  # fmt: skip
