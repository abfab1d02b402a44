"""Looks at the beginning of a reply: an upstream may say no in the form of an answer, and nobody must take it for one.

While a stream's text could still become such a notice its frames are held back; mostly the first word decides.
"""

from __future__ import annotations

from argo_relay.dialects.base import Dialect, StreamDecoder
from argo_relay.errors import BadJson, Refused
from argo_relay.framing.base import Frame
from argo_relay.neutral.content import Text
from argo_relay.neutral.events import Ended, Event, Failed, Heartbeat, PartStarted, Started, TextDelta, UsageSeen
from argo_relay.neutral.reply import Usage
from argo_relay.upstreams.base import Notices


class Screen:
    """One reply's; `clear` once it is known to be an answer."""

    def __init__(self, dialect: Dialect, notices: Notices) -> None:
        self.clear = False
        self._dialect = dialect
        self._notices = notices
        self._decoder: StreamDecoder | None = None
        """A stream's, from its first frame on."""
        self._held: list[Frame] = []
        self._id = ""
        self._text = ""
        self._usage: Usage | None = None

    def check(self, body: bytes) -> None:
        """Raise Refused for a whole reply that is a notice."""
        if not any(mark in body for mark in self._notices.marks):
            return
        try:
            reply = self._dialect.decode_reply(body)
        except (BadJson, Refused):
            return
        text = "".join(part.text for part in reply.parts if isinstance(part, Text))
        self._judge(reply.id, text, reply.usage)

    def feed(self, frames: list[Frame]) -> list[Frame]:
        """Return the frames that may go on; raise Refused for a notice, or an error in place of a reply."""
        passed: list[Frame] = []
        decoder = self._decoder = self._decoder or self._dialect.stream_decoder()
        for frame in frames:
            events = [] if self.clear else decoder.feed(frame)
            self._read(events)
            # What says nothing, such as a comment, waits for nothing.
            mute = all(isinstance(event, Heartbeat) for event in events)
            (passed if mute and not self._held else self._held).append(frame)
        return [*passed, *self._released()] if self.clear else passed

    def finish(self, frames: list[Frame]) -> list[Frame]:
        """Return what is left when the stream is over."""
        passed = self.feed(frames)
        if not self.clear and self._decoder is not None:
            self._read(self._decoder.finish())
            self.clear = True
        return [*passed, *self._released()]

    def _released(self) -> list[Frame]:
        held, self._held = self._held, []
        return held

    def _read(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Started):
                self._id = event.id
            elif isinstance(event, UsageSeen):
                self._usage = event.usage.over(self._usage)
            elif isinstance(event, TextDelta):
                self._text += event.text
                self.clear = not self._suspicious()
            elif isinstance(event, Ended):
                self._judge(self._id, self._text, self._usage)
                self.clear = True
            elif isinstance(event, Failed):
                # Before the first word there is nothing that it could break off: it can have a status of its own.
                raise Refused(event.failure)
            elif isinstance(event, PartStarted) and not isinstance(event.part, Text):
                # A thought or a call: no notice begins so.
                self.clear = True

    def _suspicious(self) -> bool:
        return self._notices.blocked(self._id) or self._notices.may_begin(self._text)

    def _judge(self, identifier: str, text: str, usage: Usage | None) -> None:
        failure = self._notices.verdict(identifier, text, usage)
        if failure is not None:
            raise Refused(failure)
