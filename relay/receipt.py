"""The receipt: how far the outbox is in Kafka, committed in the same Kafka transaction as the records.

It consists of the offset (``low``) and the offset's metadata that the relay's own consumer group commits. A broker
keeps 4096 bytes of metadata (Apache Kafka documentation, "Broker Configs": offset.metadata.max.bytes).
"""

import base64
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from relay.positions import Range, Settled

if TYPE_CHECKING:
    from relay.log_reader import Row

MAX_METADATA = 4000
_MAX_RANGES = 4096
_VERSION = "2"
OLD_VERSION = "1"
"""The same format, written by a relay whose second producer is called RELAY_NAME.2 (decision 7)."""


class Epoch(NamedTuple):
    """One life of one database. A promotion changes the timeline; another cluster has another system identifier."""

    system_identifier: int
    timeline: int


class LastRow(NamedTuple):
    """The row at the highest settled position. While it is there, no position up to it can be handed out again."""

    position: int
    digest: str

    @classmethod
    def of(cls, row: "Row") -> "LastRow":
        """The position of ``row``, and a digest of everything in it that is published."""
        position, topic, key, value, headers, replayed, _ = row
        content = "\0".join((topic, key, value, headers, str(replayed)))
        return cls(position, hashlib.blake2b(content.encode(), digest_size=8).hexdigest())


class Receipt(NamedTuple):
    """The settled positions, and the database that they belong to."""

    settled: Settled
    epoch: Epoch
    last_row: LastRow | None = None
    partial: bool = False
    """Whether the metadata had no room for all that is settled: positions above ``settled`` may be published, too."""

    version: str = _VERSION

    def after(self, settled: Settled, rows: "Sequence[Row]") -> "Receipt":
        """The receipt once ``rows``, ascending, are published as well, and ``settled`` are the settled positions."""
        last_row = self.last_row
        if rows and rows[-1][0] == settled.high:
            last_row = LastRow.of(rows[-1])
        elif last_row is not None and last_row.position != settled.high:
            last_row = None
        return Receipt(settled, self.epoch, last_row)

    @property
    def offset(self) -> int:
        """The offset to commit."""
        return self.settled.low

    def metadata(self) -> str:
        """The metadata to commit with ``offset``, at most MAX_METADATA characters, all ASCII."""
        head = [_VERSION, str(self.epoch.system_identifier), str(self.epoch.timeline)]
        head += [str(self.last_row.position), self.last_row.digest] if self.last_row else ["-", "-"]
        ranges, partial = list(self.settled.above[:_MAX_RANGES]), self.partial or len(self.settled.above) > _MAX_RANGES
        while True:
            text = " ".join([*head, "partial" if partial else "whole", _packed(self.settled.low, ranges)])
            if len(text) <= MAX_METADATA:
                return text
            ranges, partial = ranges[: len(ranges) * 3 // 4], True

    @classmethod
    def parse(cls, offset: int, metadata: str) -> "Receipt":
        """The receipt that ``metadata()`` wrote. Raises ValueError when another program wrote the metadata."""
        version, system, timeline, position, digest, extent, *rest = metadata.split(" ")
        if version not in {_VERSION, OLD_VERSION} or extent not in {"partial", "whole"}:
            raise ValueError(f"not a receipt of this relay: {metadata[:80]!r}")
        return cls(
            settled=Settled(offset, _unpacked(offset, rest[0] if rest else "")),
            epoch=Epoch(int(system), int(timeline)),
            last_row=None if position == "-" else LastRow(int(position), digest),
            partial=extent == "partial",
            version=version,
        )


def _packed(low: int, ranges: list[Range]) -> str:
    """The lengths of gap, run, gap, run … above ``low`` as variable-length integers, deflated, in base 85."""
    if not ranges:
        return ""
    out = bytearray()
    for start, end in ranges:
        for number in (start - low - 1, end - start + 1):
            rest = number
            while rest >= 0x80:
                out.append(rest & 0x7F | 0x80)
                rest >>= 7
            out.append(rest)
        low = end
    return base64.b85encode(zlib.compress(bytes(out), 9)).decode("ascii")


def _unpacked(low: int, text: str) -> tuple[Range, ...]:
    ranges = []
    numbers = _numbers(zlib.decompress(base64.b85decode(text))) if text else iter(())
    for gap in numbers:
        start = low + gap + 1
        low = start + next(numbers) - 1
        ranges.append((start, low))
    return tuple(ranges)


def _numbers(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
