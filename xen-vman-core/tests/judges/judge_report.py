"""What the judges written in Python share: text and lines of bytes, records.

Text: a judge must be able to print any byte it was given, and its readers
must be able to parse what it prints.  A byte 0xNN that is not part of
well-formed UTF-8 becomes the private-use character U+F7NN.  The characters
U+F780 to U+F7FF themselves, where they occur, are written byte by byte in the
same way, so that the original bytes can always be had back.

Records: the parts that run inside xl and inside dracut's scripts report by
appending records to a file.  A record is its kind, the number of its fields in
decimal and then the fields, each of these ended by a NUL byte.
"""

import re

_STAND_INS = re.compile("[\uf780-\uf7ff]")
_STRAY_BYTES = re.compile("[\udc80-\udcff]")


def _stand_in(byte):
    return chr(0xF700 + byte)


def text(data):
    """The str that stands for some bytes."""
    decoded = _STAND_INS.sub(
        lambda match: "".join(map(_stand_in, match[0].encode())),
        data.decode("utf-8", "surrogateescape"),
    )
    return _STRAY_BYTES.sub(lambda match: _stand_in(ord(match[0]) - 0xDC00), decoded)


def lines(data):
    """The lines of some bytes, as bytes; only a line feed ends one."""
    found = data.split(b"\n")
    return found if found[-1] else found[:-1]


def records(data):
    """Yields (kind, [field, ...]) for each record, all of them as bytes."""
    words = iter(data.split(b"\0"))
    for kind in words:
        if not kind:  # what follows the last NUL
            return
        count = int(next(words))
        yield kind.decode(), [next(words) for _ in range(count)]
