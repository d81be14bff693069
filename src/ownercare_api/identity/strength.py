"""What passwords must not be: short, common, a walk over the keyboard, or the name of whoever uses it.

There are no rules about kinds of characters (ASVS 5, 6.2.5). A password is taken apart into what people choose
passwords from: common words (also with digits for letters), dates, runs, repetitions, walks over keyboard and number
pad. Each such part counts as one, everything else by its characters; six are needed. So `1qaz2wsx3edc` and
`Woaini1314520!` are common passwords though no list has them all, and three unusual words are not.
"""

import re
import unicodedata
from collections.abc import Callable, Collection
from importlib.resources import files

from ownercare_api.core.errors import FieldError, Invalid

MIN_LENGTH = 12
MAX_LENGTH = 256
"""Characters, after normalisation. Every one of them counts: argon2 does not cut passwords off."""
_PARTS_NEEDED = 6
_SHORTEST_NAME = {True: 2, False: 4}
"""Shorter names are in too many words to be refused: Chinese ones, others."""


class WeakPassword(Invalid):
    """422: too short, too long, common, or made of the user's own name."""

    code = "weak_password"
    zh = "密码须为 12 至 256 个字符,不能是常见密码、键盘顺序或连续数字,也不能包含用户名或姓名。"
    en = (
        "A password has 12 to 256 characters, is no common one, no walk over the keyboard and no run of digits, "
        "and does not contain the user's name."
    )


def _lines() -> list[str]:
    text = files(__package__).joinpath("common_passwords.txt").read_text("utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


_WORDS = frozenset(word for line in _lines() for word in line.split() if len(word) > 1)
_LONGEST_WORD = max(map(len, _WORDS))
_LEET = str.maketrans({"@": "a", "4": "a", "3": "e", "1": "i", "!": "i", "0": "o", "$": "s", "5": "s", "7": "t"})
_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|(?:19|20)\d\d|520(?:1314)?|1314(?:520)?")
_ROWS = ("`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./")
_SHIFTED = str.maketrans('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./")
_PAD = ("789", "456", "123", "0")


def _grid(rows: Collection[str], *, slant: float) -> dict[str, tuple[float, int]]:
    return {key: (column + row * slant, row) for row, keys in enumerate(rows) for column, key in enumerate(keys)}


_BOARD, _NUMBERS = _grid(_ROWS, slant=0.5), _grid(_PAD, slant=0.0)


def normalise(password: str) -> str:
    """Return a password as it is hashed: NFKC, so that a full-width digit or another spelling of a letter that an input
    method makes does not lock its owner out. Nothing is trimmed or cut."""
    return unicodedata.normalize("NFKC", password)


def check_strength(password: str, *, names: Collection[str] = (), pointer: str = "#/password") -> None:
    """Raise `WeakPassword` for a password that must not be set. `names`: the user's login name and name, as they may
    not be part of it; their pinyin is for the caller to add."""
    given = normalise(password)
    plain = given.casefold()
    too_weak = (
        not MIN_LENGTH <= len(given) <= MAX_LENGTH
        or len(set(plain)) < 4
        or any(_contains(plain, name) for name in names)
        or min(parts(plain), parts(plain.translate(_SHIFTED)), *(parts(half) * 2 for half in _halves(plain)))
        < _PARTS_NEEDED
    )
    if too_weak:
        raise WeakPassword(errors=(FieldError(pointer, WeakPassword.code, WeakPassword.zh, WeakPassword.en),))


def _contains(plain: str, name: str) -> bool:
    wanted = "".join(normalise(name).casefold().split())
    shortest = _SHORTEST_NAME[any(character > "\u2fff" for character in wanted)]
    return len(wanted) >= shortest and wanted in "".join(plain.split())


def _halves(plain: str) -> tuple[str, str]:
    """`a1s2d3f4g5h6` is two runs in turns."""
    return plain[::2], plain[1::2]


def parts(plain: str) -> int:
    """Return of how many parts a password is made; `plain` is casefolded."""
    found, at = 0, 0
    whole = _once(plain)
    while at < len(whole):
        at += max(1, _word(whole, at), _date(whole, at), _walk(whole, at))
        found += 1
    return found


def _once(text: str) -> str:
    """Return what is repeated, where a text is nothing but the same again and again."""
    unit = (text + text).find(text, 1) if text else 0
    return text[:unit] if 0 < unit < len(text) else text


def _word(text: str, at: int) -> int:
    for size in range(min(_LONGEST_WORD, len(text) - at), 1, -1):
        piece = text[at : at + size]
        if piece in _WORDS or (size > 3 and piece.translate(_LEET) in _WORDS):
            return size
    return 0


def _date(text: str, at: int) -> int:
    found = _DATE.match(text, at)
    return len(found[0]) if found else 0


def _walk(text: str, at: int) -> int:
    """Return how long a run of neighbours is: on the keyboard, on the number pad, in the alphabet, or one key; at least
    three."""
    return max(_run(text, at, near) for near in (_on_board, _on_pad, _in_order))


def _run(text: str, at: int, near: Callable[[str, str], bool]) -> int:
    end = at + 1
    while end < len(text) and near(text[end - 1], text[end]):
        end += 1
    return end - at if end - at >= 3 else 0


def _on_board(one: str, other: str) -> bool:
    return _near(_BOARD, one, other)


def _on_pad(one: str, other: str) -> bool:
    return _near(_NUMBERS, one, other)


def _near(grid: dict[str, tuple[float, int]], one: str, other: str) -> bool:
    if one not in grid or other not in grid:
        return False
    (x, row), (other_x, other_row) = grid[one], grid[other]
    return abs(x - other_x) <= 1 and abs(row - other_row) <= 1


def _in_order(one: str, other: str) -> bool:
    return one.isascii() and other.isascii() and abs(ord(one) - ord(other)) <= 1
