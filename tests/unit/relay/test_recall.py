"""Which memory is trusted."""

import pytest

from relay.checkpoint import Checkpoint
from relay.doubts import Life
from relay.positions import Settled
from relay.recall import NO_RECEIPTS, Memory, recall, recall_without_receipts
from relay.receipt import Epoch, Receipt, Witness

EPOCH, PROMOTED, COPIED = Epoch(1, 1), Epoch(1, 2), Epoch(2, 1)
HERE, RESTORED = Life(EPOCH, 70), Life(EPOCH, 71)
LAST = Witness(20, "d1")
RECEIPT = Receipt(Settled(18, ((20, 20),)), EPOCH, LAST)
MIRROR = Checkpoint(Settled(15), EPOCH, 70)
ROWS = {20: LAST}


def test_the_receipt_is_trusted_while_its_last_row_stands() -> None:
    assert recall(RECEIPT, MIRROR, HERE, ROWS.get) == Memory(RECEIPT.settled, None)
    assert recall(RECEIPT, None, HERE, ROWS.get) == Memory(RECEIPT.settled, None)
    assert recall(RECEIPT, MIRROR._replace(outbox=None), HERE, ROWS.get) == Memory(RECEIPT.settled, None)


def test_a_promotion_that_kept_the_last_row_costs_no_comparison() -> None:
    assert recall(RECEIPT, MIRROR, Life(PROMOTED, 70), ROWS.get) == Memory(RECEIPT.settled, None)


@pytest.mark.parametrize(
    ("receipt", "mirror", "rows", "settled"),
    [
        pytest.param(None, None, ROWS, Settled(), id="both lost, or the first start"),
        pytest.param(None, MIRROR, ROWS, MIRROR.settled, id="receipt expired"),
        pytest.param(RECEIPT, MIRROR, {}, MIRROR.settled, id="the last row published is gone"),
        pytest.param(RECEIPT, MIRROR, {20: Witness(20, "d2")}, MIRROR.settled, id="its position was used again"),
        pytest.param(RECEIPT._replace(witness=None), MIRROR, ROWS, MIRROR.settled, id="no last row"),
        pytest.param(RECEIPT._replace(partial=True), MIRROR, ROWS, RECEIPT.settled, id="no room for all"),
        pytest.param(RECEIPT, Checkpoint(Settled(30), EPOCH), ROWS, RECEIPT.settled, id="Kafka went back"),
    ],
)
@pytest.mark.parametrize("epoch", [EPOCH, PROMOTED])
def test_whatever_else_is_doubted(
    receipt: Receipt | None, mirror: Checkpoint | None, rows: dict[int, Witness], settled: Settled, epoch: Epoch
) -> None:
    memory = recall(receipt, mirror, Life(epoch, 70), rows.get)
    assert memory.settled == settled
    assert memory.doubt
    assert not memory.used_again


@pytest.mark.parametrize(
    ("mirror", "life", "mended"),
    [
        pytest.param(MIRROR, HERE, "positions up to 5 are handed out again below 20", id="the sequence was behind"),
        pytest.param(MIRROR._replace(doubt="why"), HERE, None, id="a term ended before it had compared"),
        pytest.param(MIRROR, RESTORED, None, id="another table"),
        pytest.param(MIRROR, Life(COPIED, 70), None, id="another server"),
        pytest.param(None, Life(COPIED, 70), None, id="another server, without a checkpoint"),
    ],
)
def test_where_positions_may_have_been_handed_out_again_recent_rows_are_compared_too(
    mirror: Checkpoint | None, life: Life, mended: str | None
) -> None:
    memory = recall(RECEIPT, mirror, life, ROWS.get, mended)
    assert (memory.settled, memory.used_again) == (RECEIPT.settled, True)
    assert memory.doubt


def test_without_receipts_the_mirror_is_trusted_and_what_came_after_it_is_asked_of_the_topics() -> None:
    assert recall_without_receipts(MIRROR, HERE) == Memory(MIRROR.settled, NO_RECEIPTS)
    assert recall_without_receipts(None, HERE).doubt
    assert not recall_without_receipts(MIRROR, Life(PROMOTED, 70)).used_again
    assert recall_without_receipts(MIRROR, Life(PROMOTED, 70)).doubt
    assert recall_without_receipts(MIRROR, RESTORED).used_again
