"""An XML parser for files from strangers: nothing is fetched, included or expanded.

Belongs here: what makes a file unsafe or unreadable as XML, whatever it says. What its
elements mean is `listings`.

Expat loads nothing by itself; it is given no handler that could. The external DTD that
REAXML files name is passed over. A file that declares an entity of any kind is refused:
listings need none, and they are how a small file unfolds to gigabytes or reads others.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from xml.parsers import expat

#: A tag, comment or declaration longer than this (bytes) is no listing's.
TOKEN_LIMIT = 4 << 20
#: Depth of elements, and different names, beyond which a file is not REAXML.
DEPTH_LIMIT = 200
NAMES_LIMIT = 50_000

MEND = "Ask the agency's software for the file again; its listings wait in raw.rejects."


class XmlFault(Exception):
    """Why a whole file is refused, and at which line (from 1)."""

    def __init__(self, rule_id: str, reason: str, line: int, fix: str = MEND) -> None:
        super().__init__(reason)
        self.rule_id = rule_id
        self.reason = reason
        self.line = line
        self.fix = fix


StartHandler = Callable[[str, list[str]], None]
EndHandler = Callable[[str], None]
TextHandler = Callable[[str], None]


class SafeParser:
    """Feeds UTF-8 chunks to expat; calls back for tags and text."""

    def __init__(
        self,
        on_start: StartHandler,
        on_end: EndHandler,
        on_text: TextHandler | None = None,
    ) -> None:
        parser = expat.ParserCreate("utf-8")
        parser.ordered_attributes = True
        # Defaults come from DTDs, which are not read: only what the file says counts.
        parser.specified_attributes = True
        parser.buffer_text = True
        # Undeclared entities (&nbsp;) are skipped, not errors, as with a DTD unread.
        parser.UseForeignDTD(True)
        parser.StartElementHandler = on_start
        parser.EndElementHandler = on_end
        parser.EntityDeclHandler = self._refuse_entity
        parser.StartDoctypeDeclHandler = self._start_doctype
        parser.EndDoctypeDeclHandler = self._end_doctype
        if on_text is not None:
            parser.CharacterDataHandler = on_text
            parser.SkippedEntityHandler = self._skipped
        self._on_text = on_text
        self._parser = parser
        self._fed = 0
        self._doctype_at: int | None = None
        self.skipped_entities = 0

    @property
    def position(self) -> int:
        """Offset (bytes of UTF-8) of the tag or text being handled."""
        return self._parser.CurrentByteIndex

    @property
    def line(self) -> int:
        """Its line, from 1."""
        return self._parser.CurrentLineNumber

    @property
    def fed(self) -> int:
        """Bytes handed over so far."""
        return self._fed

    def feed(self, chunk: bytes) -> None:
        """Parse on.

        Raises:
            XmlFault: the file cannot be read, or is unsafe.
        """
        self._fed += len(chunk)
        self._parse(chunk, False)
        if self._fed - max(self.position, 0) > TOKEN_LIMIT:
            raise self._fault("file_xml_unsafe", _TOO_LONG)
        if self._doctype_at is not None and self._fed - self._doctype_at > TOKEN_LIMIT:
            raise self._fault("file_xml_unsafe", _TOO_LONG)
        names: dict[str, str] = self._parser.intern
        if len(names) > NAMES_LIMIT:
            reason = f"The file uses more than {NAMES_LIMIT:,} different names."
            raise self._fault("file_xml_unsafe", reason)

    def close(self) -> None:
        """End the document; raises as `feed`."""
        self._parse(b"", True)

    def read(self, chunks: Iterable[bytes]) -> None:
        """Parse a whole document; raises as `feed`."""
        for chunk in chunks:
            self.feed(chunk)
        self.close()

    def too_deep(self) -> XmlFault:
        """The fault of elements nested beyond the limit."""
        reason = f"Elements are nested more than {DEPTH_LIMIT} deep."
        return self._fault("file_xml_unsafe", reason)

    def _parse(self, chunk: bytes, is_final: bool) -> None:
        try:
            self._parser.Parse(chunk, is_final)
        except expat.ExpatError as error:
            problem = expat.ErrorString(error.code)
            place = f"line {error.lineno}, column {error.offset + 1}"
            unsafe = "amplification" in problem
            raise XmlFault(
                "file_xml_unsafe" if unsafe else "file_xml_broken",
                f"The XML cannot be read at {place}: {problem}.",
                error.lineno,
            ) from None

    def _fault(self, rule_id: str, reason: str) -> XmlFault:
        return XmlFault(rule_id, reason, self.line)

    def _start_doctype(self, *_: object) -> None:
        self._doctype_at = self.position

    def _end_doctype(self) -> None:
        self._doctype_at = None

    def _refuse_entity(self, name: str, is_parameter: bool, *_: object) -> None:
        kind = "parameter entity" if is_parameter else "entity"
        raise XmlFault(
            "file_xml_unsafe",
            f"The file declares an XML {kind} ({name[:40]}) at line {self.line}; "
            "listings need none, and entities can make a small file unfold to "
            "gigabytes or draw in other files.",
            self.line,
            "Take the ENTITY declarations out of the file and drop it again.",
        )

    def _skipped(self, name: str, is_parameter: bool) -> None:
        """An entity nobody declared: HTML's by name, any other as it was written."""
        if is_parameter or self._on_text is None:
            return
        self.skipped_entities += 1
        self._on_text(html.unescape(f"&{name};"))


_TOO_LONG = (
    f"A single tag, comment or declaration is longer than {TOKEN_LIMIT >> 20} MiB."
)
