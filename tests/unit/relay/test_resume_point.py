"""The conditions under which receipt and checkpoint are trusted, or compared with the topics."""

import pytest

from relay.checkpoint import Checkpoint
from relay.doubts import Life
from relay.positions import Settled
from relay.receipt import Epoch, LastRow, Receipt
from relay.resume_point import NO_RECEIPTS, ResumePoint, resume_from_checkpoint, resume_from_receipt

EPOCH, PROMOTED, COPIED = Epoch(1, 1), Epoch(1, 2), Epoch(2, 1)
HERE, RESTORED = Life(EPOCH, 70), Life(EPOCH, 71)
LAST = LastRow(20, "d1")
RECEIPT = Receipt(Settled(18, ((20, 20),)), EPOCH, LAST)
CHECKPOINT = Checkpoint(Settled(15), EPOCH, 70)
ROWS = {20: LAST}


def test_the_receipt_is_trusted_while_its_last_row_is_unchanged() -> None:
    assert resume_from_receipt(RECEIPT, CHECKPOINT, HERE, ROWS.get) == ResumePoint(RECEIPT.settled, None)
    assert resume_from_receipt(RECEIPT, None, HERE, ROWS.get) == ResumePoint(RECEIPT.settled, None)
    assert resume_from_receipt(RECEIPT, CHECKPOINT._replace(outbox=None), HERE, ROWS.get) == ResumePoint(
        RECEIPT.settled, None
    )


def test_promotion_that_kept_the_last_row_needs_no_comparison() -> None:
    assert resume_from_receipt(RECEIPT, CHECKPOINT, Life(PROMOTED, 70), ROWS.get) == ResumePoint(RECEIPT.settled, None)


@pytest.mark.parametrize(
    ("receipt", "checkpoint", "rows", "settled"),
    [
        pytest.param(None, None, ROWS, Settled(), id="both lost, or the first start"),
        pytest.param(None, CHECKPOINT, ROWS, CHECKPOINT.settled, id="receipt expired"),
        pytest.param(RECEIPT, CHECKPOINT, {}, CHECKPOINT.settled, id="the last row published is gone"),
        pytest.param(
            RECEIPT, CHECKPOINT, {20: LastRow(20, "d2")}, CHECKPOINT.settled, id="its position was used again"
        ),
        pytest.param(RECEIPT._replace(last_row=None), CHECKPOINT, ROWS, CHECKPOINT.settled, id="no last row"),
        pytest.param(RECEIPT._replace(partial=True), CHECKPOINT, ROWS, RECEIPT.settled, id="no room for all"),
        pytest.param(RECEIPT, Checkpoint(Settled(30), EPOCH), ROWS, RECEIPT.settled, id="Kafka went back"),
    ],
)
@pytest.mark.parametrize("epoch", [EPOCH, PROMOTED])
def test_every_other_combination_of_receipt_and_checkpoint_is_doubted(
    receipt: Receipt | None, checkpoint: Checkpoint | None, rows: dict[int, LastRow], settled: Settled, epoch: Epoch
) -> None:
    memory = resume_from_receipt(receipt, checkpoint, Life(epoch, 70), rows.get)
    assert memory.settled == settled
    assert memory.doubt
    assert not memory.used_again


@pytest.mark.parametrize(
    ("checkpoint", "life", "mended"),
    [
        pytest.param(CHECKPOINT, HERE, "positions up to 5 are handed out again below 20", id="the sequence was behind"),
        pytest.param(CHECKPOINT._replace(doubt="why"), HERE, None, id="a term ended before it had compared"),
        pytest.param(CHECKPOINT, RESTORED, None, id="another table"),
        pytest.param(CHECKPOINT, Life(COPIED, 70), None, id="another server"),
        pytest.param(None, Life(COPIED, 70), None, id="another server, without a checkpoint"),
    ],
)
def test_recent_rows_are_compared_if_positions_may_be_used_again(
    checkpoint: Checkpoint | None, life: Life, mended: str | None
) -> None:
    memory = resume_from_receipt(RECEIPT, checkpoint, life, ROWS.get, mended)
    assert (memory.settled, memory.used_again) == (RECEIPT.settled, True)
    assert memory.doubt


def test_relay_without_receipts_trusts_the_checkpoint_and_searches_later_rows_in_the_topics() -> None:
    assert resume_from_checkpoint(CHECKPOINT, HERE) == ResumePoint(CHECKPOINT.settled, NO_RECEIPTS)
    assert resume_from_checkpoint(None, HERE).doubt
    assert not resume_from_checkpoint(CHECKPOINT, Life(PROMOTED, 70)).used_again
    assert resume_from_checkpoint(CHECKPOINT, Life(PROMOTED, 70)).doubt
    assert resume_from_checkpoint(CHECKPOINT, RESTORED).used_again
