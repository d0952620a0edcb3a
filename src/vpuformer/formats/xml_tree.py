"""XML files, parsed without declarations."""

import math
import re
from xml.etree import ElementTree
from xml.parsers import expat

from vpuformer.errors import MaskError
from vpuformer.formats.bundle import Bundle

_HEAD = 4000
_START = re.compile(r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.*?-->\s*)*<([A-Za-z_][\w.-]*)", re.DOTALL)


def parse_xml(content: bytes, called: str) -> ElementTree.Element:
    """The root of an XML file.

    Raises:
        MaskError: the content is not XML, or holds a declaration, which can make a short file a text that fills the
            memory.
    """

    def refuse(*_: object) -> None:
        raise MaskError(f"{called} holds a declaration of XML (<!...), which annotations do not need; remove it")

    try:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = refuse
        parser.Parse(content, True)
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, MaskError):
            raise
        raise MaskError(f"{called} is not XML: {error}") from error


def root_of(bundle: Bundle, name: str) -> str | None:
    """The name of the first element of a file; None if it does not begin like XML."""
    head = (bundle.text(name) or "")[:_HEAD]
    start = _START.match(head)
    return start and start[1]


def number(element: ElementTree.Element, name: str, where: str) -> float:
    """A number in an attribute, or in a child of that name.

    Raises:
        MaskError: it is missing, or no number.
    """
    text = element.get(name) or element.findtext(name) or ""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise MaskError(f"{where}: {name!r} is a number, got {text!r:.40}")
    return value
