"""Which images a prompt refers to: "the first image", "images 1-3", a file's name.

English is read with one pattern and three sets of words, and no more, since a wrong
reading must never stand in the way of a job. What the pattern finds is certain: a
position beside a noun, not quoted, nothing new ("create image 3"), no measure ("the
image 2 times larger"). Whatever else could be a reference ("the second", "both", "A and B")
leaves doubt, and so does another language; then nothing is said of images left out.
"""

import re
import unicodedata
from collections.abc import Sequence

from prodia_compose.frozen import frozen
from prodia_compose.prompt import template

MOST = 20
"""A larger number is no position: no model takes more than 14 images."""


def _words(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


_ORDINALS = {template.ordinal(position): position for position in range(1, 15)}
_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {word: number for number, word in enumerate(_NUMBER_WORDS, 1)}
_SEVERAL = _words(  # of which one may be the third, as it is of "make four images"
    "images imgs inputs references refs pictures pics photos photographs collage comic grid series",
    "storyboard triptych variants",
)
_DOUBTFUL = _SEVERAL.union(_ORDINALS, _NUMBERS) | _words(
    "all another both each either every everyone everything final following former last latter",
    "neither next other others pair penultimate previous remaining rest shots subsequent them",
    "these those",
)
_ENGLISH = _words(
    "a add an and as at by for from in into is it its keep of on onto or replace that the their",
    "this to using with",
)
_FOREIGN = _words(
    "auf avec bild bilder bir com con da das de dem der des di ein eine el en erste ersten et foto",
    "fotos het il im imagen la las le les los met mit na och og op os para por sur um uma un und",
    "una une van ve von y yang",
)

_IMAGE = "(?:image|img|input|reference|ref)"
_PICTURE = "picture|pic|photograph|photo"  # can also hang on a wall in an image
_NOUN = re.compile(f"{_IMAGE}|{_PICTURE}")
_ORDINAL = rf"(?:last|{'|'.join(_ORDINALS)}|[0-9]{{1,2}}(?:st|nd|rd|th))\b"
# 1080p, 4K, 16:9, 1,000, 2.5 and 50% are no numbers of images.
_NUMBER = rf"(?:{'|'.join(_NUMBERS)}|[0-9]{{1,2}})(?![\w%°]|[.:/][0-9]|,[0-9]{{3}})"
_GLUED = r"[0-9]{1,2}(?![\w%°:]|[./]\w|,[0-9]{3})"  # but "image3:" heads a part of the result
_LINK = " ?(?:,? (?:and|or|to|through) (?:the )?|[-,&+/]+ ?)"
_RANGE = re.compile("-|to|through")
_INSIDE = (  # the picture itself has several: a contact sheet, a wall full of pictures
    "[ -](?:frame|panel|hanging|hung)| (?:in|on|of|from|at) (?:the|a|each) (?:top|bottom|left"
    "|right|upper|lower|middle|row|column|grid|collage|sheet|strip|series|wall|gallery|shelf)"
)
_AFTER_NUMBER = (  # "image 3" is the third one then, and not "the image 3 times as large"
    r"(?:$|'s\b|[,;.!?\])>]+(?: |$)| (?:and|or|on|onto|in|into|to|with|as|is|has|from|for|by|over"
    r"|under|behind|next|beside|near|should|must|shows|while|but|so|then|together)\b)"
)
_ORDINALS_LIST = rf"{_ORDINAL}(?:{_LINK}{_ORDINAL}){{0,{MOST}}}"
_NUMBERS_LIST = rf"{_NUMBER}(?:{_LINK}{_NUMBER}){{0,{MOST}}}"
# A list is taken whole or not at all; Python 3.11.4 and older misread the `+` that says so.
_REFERENCE = (
    r"(?P<new>\b(?:an?|another|any|each|every|no|per|without"
    r"|(?:create|generate|make|output|produce|render)(?: the)?)(?: new)? )?"
    rf"(?:\b(?=(?P<ordinals>{_ORDINALS_LIST}))(?P=ordinals)[ -](?:(?:reference|input|source) )?"
    rf"(?:{_IMAGE}|(?P<picture>{_PICTURE}))s?(?![a-z])(?!{_INSIDE})"
    rf"|(?<![a-z]){_IMAGE}s?[ #(\[<-]*(?:(?:number|no\.?) )?(?=(?P<numbers>{_NUMBERS_LIST}))(?P=numbers)"
    rf"(?={_AFTER_NUMBER})"
    rf"|(?<![a-z])(?:{_IMAGE}|(?P<photo>{_PICTURE}))(?P<glued>{_GLUED}))"
)

_CUT = " | "  # what is taken out leaves a mark, so that its neighbours do not meet
_QUOTED = re.compile('"[^"]*"|“[^“”]*”|„[^„“”]*[“”]|«[^«»]*»')
_LIST_MARK = re.compile(r"^[^\S\n]*[0-9]{1,2}[.):](?=\s)", re.MULTILINE)
_SIGNS = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212\u2019", "------'")
_SUFFIX = re.compile(r".\.[a-z][a-z0-9]{1,4}$")


@frozen
class References:
    """What a prompt refers to; positions are counted from 1.

    Attributes:
        certain: Images it refers to in so many words.
        beyond: Positions it speaks of that no image has, in order.
        files: Each file name in it with the positions of the images called so.
        is_understood: Whether it is English, and nothing else in it can be a reference.
    """

    certain: frozenset[int]
    beyond: tuple[int, ...]
    files: tuple[tuple[str, tuple[int, ...]], ...]
    is_understood: bool


def find(text: str, names: Sequence[str]) -> References:
    """Return what a prompt refers to.

    Args:
        text: The prompt, its labels turned into positions.
        names: Each image's file name without folder; empty where it has none.
    """
    folded, files = _take_names(_folded(text), names)
    plain = re.sub(r"[\s_*`]+", " ", _LIST_MARK.sub(_CUT, folded).translate(_SIGNS)).strip()
    spoken: set[int] = set()

    def take(match: re.Match[str]) -> str:
        is_picture = match["picture"] or match["photo"]
        if match["new"] or (is_picture and (len(names) == 1 or "image" in plain)):
            return match[0]
        words = match["ordinals"] or match["numbers"] or match["glued"]
        spoken.update(_positions(words, len(names)))
        return _CUT

    unquoted = _QUOTED.sub(_CUT, plain)
    if _NOUN.search(unquoted):  # or it refers to nothing, and 4 ms of compiling are saved
        unquoted = re.sub(_REFERENCE, take, unquoted)
    words = re.findall(r"\w+", unquoted)
    quoted = re.findall(r"\w+", " ".join(_QUOTED.findall(plain)))
    is_doubtful = any(word in _DOUBTFUL or not word.isalpha() for word in words + quoted)
    has_letters = re.search(r"\bB\b", text) is not None  # image A, image B
    beyond = {position for position in spoken if len(names) < position <= MOST}
    return References(
        certain=frozenset(spoken & {*range(1, len(names) + 1)}).union(*(file[1] for file in files)),
        beyond=tuple(sorted(beyond)) if _SEVERAL.isdisjoint(words) else (),
        files=files,
        is_understood=_is_english(words) and not is_doubtful and not has_letters,
    )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _take_names(
    folded: str, names: Sequence[str]
) -> tuple[str, tuple[tuple[str, tuple[int, ...]], ...]]:
    """Return the text without the images' names, and the names it held.

    `image2` where there is an image2.jpg is not "image 2", but leaves doubt.
    """
    whole = [_folded(name) for name in names]
    called: dict[str, list[int]] = {}
    for position, name in enumerate(whole, 1):
        if _SUFFIX.search(name):
            called.setdefault(name, []).append(position)
            stem = name.rpartition(".")[0]
            if re.search("[a-z].*[0-9]|[0-9].*[a-z]", stem):
                called.setdefault(stem, [])
    files: list[tuple[str, tuple[int, ...]]] = []
    for name, positions in sorted(called.items(), key=lambda item: -len(item[0])):
        if name in folded:  # a pattern for each name would cost more than all the rest
            mark = _CUT if positions else " other "
            folded, times = re.subn(rf"(?<![\w.-]){re.escape(name)}(?!\w|\.\w)", mark, folded)
            if times and positions:
                files.append((names[positions[0] - 1], tuple(positions)))
    return folded, tuple(sorted(files, key=lambda file: file[1]))


def _positions(words: str, count: int) -> set[int]:
    """Return the positions in a list such as "first, second and last" or "1-3"."""
    known = {"last": count, **_ORDINALS, **_NUMBERS}
    members = re.findall("[0-9]+|[a-z]+", words)
    found = {known.get(word) or int(word) for word in members if word in known or word.isdigit()}
    return {*range(min(found), max(found) + 1)} if _RANGE.search(words) else found


def _is_english(words: Sequence[str]) -> bool:
    """Return whether words that are neither quoted nor references are plainly English."""
    known = sum(word in _ENGLISH for word in words)
    return "".join(words).isascii() and _FOREIGN.isdisjoint(words) and 4 * known > len(words)
