"""Which images a prompt refers to: "the first image", "images 1-3", "both", a file's name.

English is read with a few tables and two patterns, and no more, since a wrong reading
must never stand in the way of a job. So each phrase is read twice, and doubt always
speaks for the prompt:

- What *certainly* is a reference can be wrong ("the fourth image" of three). It needs a
  noun (image, picture, photo, ...) beside the position, and must not be quoted, be
  something new ("a second image", "create image 3"), be a measure ("the image 2 times
  larger"), or be the fifth photo on a wall, where what was sent is called images.
- What *possibly* is one ("the second", "both", "these photos") is enough for an image to
  count as referred to.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence

from prodia_compose.frozen import frozen
from prodia_compose.prompt import template

MOST = 20
"""A larger number is no position: no model takes more than 14 images."""

# --- the words --------------------------------------------------------------------------

_POSITIONS = {template.ordinal(position): position for position in range(1, 15)}
_NUMBER_WORDS = (
    *("one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_NUMBERS = {word: number for number, word in enumerate(_NUMBER_WORDS, 1)}
_FROM_THE_END = ("last", "final")

_IMAGE = r"(?:image|img|input|reference|ref)"
_SCENERY = r"(?:picture|pic|photograph|photo|shot)"  # can also hang on a wall in an image
_NOUN = rf"(?:{_IMAGE}|{_SCENERY})"
_NUMBERED = rf"(?:{_NOUN}|figure)"  # "the first figure" is rather a person
_GIVEN = r"(?:(?:reference|input|source|original|uploaded|attached|provided|given)[ -])?"

# 1080p, 4K, 16:9, 1,000, 2.5 and 50% are no numbers of images.
_NUMBER = (
    rf"(?:(?<![a-z])(?:{'|'.join(_NUMBER_WORDS)})|[0-9]{{1,2}})(?![\w%°]|[.:/][0-9]|,[0-9]{{3}})"
)
_ORDINAL = (
    rf"\b(?:(?:first|last) {_NUMBER}|{'|'.join((*_POSITIONS, *_FROM_THE_END))}"
    r"|[0-9]{1,2}(?:st|nd|rd|th))\b"
)
_LINK = r" ?(?:,? (?:and|or|to|through) (?:the )?|[-,&+/]+ ?)"
_ORDINALS = rf"{_ORDINAL}(?:{_LINK}{_ORDINAL}){{0,{MOST}}}"
_SEVERAL_NUMBERS = rf"{_NUMBER}(?:{_LINK}{_NUMBER}){{0,{MOST}}}"
_SIGN = r"[ #@(\[<-]*(?:(?:number|no\.?) ?#?)?"  # image 1, image #1, image-1, image no. 1

# What may follow "image 3" if it is to be the third image, and not "the image 3 times as large".
_AFTER_NUMBER = (
    r"(?='s\b| ?(?:$|[;,!?\]>](?! ?[0-9])|[.:](?![0-9])|- )"
    r"| (?:and|or|on|onto|in|into|to|with|as|is|has|from|for|by|over|under|behind|next|beside|near"
    r"|should|must|shows|while|but|so|then|together)\b(?! [0-9]))"
)

_REFERENCE = re.compile(
    r"(?P<new>\b(?:an?|another|every|each|per|no|any|without|(?:create|generate|produce|render)(?: the)?) )?"
    rf"(?:(?P<ordinals>{_ORDINALS})[ -]{_GIVEN}(?P<noun>{_NOUN})s?(?![a-z])"
    rf"|\b{_GIVEN}(?P<numbered>{_NUMBERED})s?{_SIGN}(?P<numbers>{_SEVERAL_NUMBERS}){_AFTER_NUMBER})"
)

# The picture itself has several: a contact sheet, a wall full of pictures.
_INSIDE = re.compile(
    r"[ -](?:frame|panel|album|layer|booth|gallery|grid|glass|slot|hanging|hung|framed)s?\b"
    r"| (?:in|on|of|from|at) (?:the|a|its|each) (?:top|bottom|left|right|upper|lower|middle|center"
    r"|centre|row|column|grid|collage|sheet|strip|series|sequence|wall|gallery|page|screen|shelf"
    r"|album|triptych)\b"
)

_BARE_ORDINALS = re.compile(
    rf"(?<![0-9] )(?<!\bone )(?<!\bper )(?<!\bsplit )(?P<words>{_ORDINALS})"
    r"(?!-person|[ -](?:glance|sight|light|time|place|class|hand|floor)\b)"
)
_BARE_NUMBERS = re.compile(rf"(?<![\w.]){_SEVERAL_NUMBERS}")
_NUMBERING = re.compile(rf"(?:\b{_NUMBERED}s?{_SIGN}|[#(\[]|\bnumber ){_NUMBER}")
_LETTERED = re.compile(rf"(?i:\b{_NOUN}) ?[A-H]\b")
_GROUP = re.compile(
    rf"\b(?:both|all|each|every|everything|everyone|either|neither|them|these|those|others?|rest"
    rf"|pair|following|subsequent|remaining|former|latter|respectively|penultimate|{_NOUN}s"
    rf"|(?:another|next|previous|following|preceding|any|one) {_GIVEN}{_NOUN})\b"
)
_PLURAL = re.compile(rf"\b{_NOUN}s\b")

# --- the languages ----------------------------------------------------------------------

_ENGLISH = re.compile(
    r"\b(?:the|and|with|from|into|onto|this|that|these|those|its|their|using|keep|add|replace)\b"
)
_FOREIGN = re.compile(
    r"\b(?:der|das|und|mit|auf|dem|im|ein|eine|von|de|la|le|les|une|du|des|dans|sur|avec|et|el|los"
    r"|las|una|con|y|en|para|por|per|il|gli|della|nel|di|da|o|os|uma|com|het|een|op|och|på|og|med"
    r"|ve|bir|na|dan|yang)\b"
)
_FOREIGN_REFERENCE = re.compile(
    r"\b(?:(?:erst|zweit|dritt|viert|letzt)e[mnrs]?|premi[eè]re?s?|(?:deux|trois|quatr)i[eè]me"
    r"|primer[ao]?|segund[ao]|tercer[ao]?|prim[ao]|second[ao]|terz[ao]|primeir[ao]|terceir[ao]"
    r"|eerste|tweede|derde|första|andra|tredje|første|bild(?:er)?|fotos?|im[aá]gen(?:es)?|imagem"
    r"|immagin[ei]|afbeelding(?:en)?)\b"
)
_OTHER_SCRIPT = re.compile(r"(?![\u2000-\u2bff])[^\W\d_\0-\u024f]")

# --- cleaning ---------------------------------------------------------------------------

_CUT = " | "  # what is taken out leaves a mark, so that its neighbours do not meet
_QUOTED = re.compile(r'"[^"]*"|“[^“”]*”|„[^„“”]*[“”]|«[^«»]*»')
_LIST_MARK = re.compile(r"^[^\S\n]*[0-9]{1,2}[.):](?=\s)", re.MULTILINE)
_FILE_NAME = re.compile(
    r"(?<![^\s\"'<>|])[^\s\"'<>|]+\.(?:jpe?g|png|webp|gif|tiff?|bmp|avif|hei[cf])\b"
)
_DASHES = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | {"\u2019": "'"}
)
_SUFFIX = re.compile(r".\.[a-z][a-z0-9]{1,4}$")


@frozen
class References:
    """What a prompt refers to; positions are counted from 1.

    Attributes:
        certain: Images it refers to in so many words.
        possible: Images it refers to, or may refer to; all of `certain` and more.
        beyond: Positions it speaks of that no image has, in order.
        files: Each file name in it with the positions of the images called so.
    """

    certain: frozenset[int]
    possible: frozenset[int]
    beyond: tuple[int, ...]
    files: tuple[tuple[str, tuple[int, ...]], ...]


def read(text: str, names: Sequence[str]) -> References:
    """Return what a prompt refers to.

    Args:
        text: The prompt, its labels turned into positions.
        names: Each image's file name without folder; empty where it has none.
    """
    count = len(names)
    folded, files, nearly = _take_names(_folded(text), names)
    plain = _plain(_FILE_NAME.sub(_CUT, folded))
    named = {position for _, positions in files for position in positions}
    spoken = _certain(_QUOTED.sub(_CUT, plain), count)
    certain = named | {position for position in spoken if 1 <= position <= count}
    possible = certain | nearly | _possible(plain, count)
    if _GROUP.search(_REFERENCE.sub(_CUT, plain)) or _LETTERED.search(text):
        possible |= set(range(1, count + 1))
    return References(
        certain=frozenset(certain),
        possible=frozenset(possible),
        beyond=tuple(sorted(position for position in spoken if count < position <= MOST)),
        files=files,
    )


def reads_as_english(text: str, labelled: Collection[int] = ()) -> bool:
    """Return whether a prompt's own words are English; quoted ones may be in any language.

    A silence in another language means nothing: "das erste Bild" is a reference that is
    not understood here. So English has to be evident: more function words of its own than
    foreign ones, by one in 25 words (English has some four times as many), no other
    script, and nothing that looks like a position in another language.

    Args:
        text: The prompt, its labels turned into positions.
        labelled: The positions that labels stand for, whose English is not the user's.
    """
    plain = _QUOTED.sub(_CUT, _plain(_folded(text)))
    for position in labelled:
        plain = plain.replace(f"the {template.ordinal(position)} image", _CUT)
    if _FOREIGN_REFERENCE.search(plain) or _OTHER_SCRIPT.search(plain):
        return False
    words = len(re.findall(r"\w+", plain))
    return len(_ENGLISH.findall(plain)) > len(_FOREIGN.findall(plain)) + words // 25


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _plain(folded: str) -> str:
    """Return a text on one line, without list numbers, markup, and kinds of dashes."""
    return re.sub(r"[\s_*`]+", " ", _LIST_MARK.sub(_CUT, folded).translate(_DASHES)).strip()


def _take_names(
    folded: str, names: Sequence[str]
) -> tuple[str, tuple[tuple[str, tuple[int, ...]], ...], set[int]]:
    """Return the text without the images' names, the names it held, and the near misses.

    A near miss is `photo2` for `photo2.jpg`, which must not be taken for "photo 2".
    """
    whole = [_folded(name) for name in names]
    called: dict[str, list[int]] = {}
    for position, name in enumerate(whole, 1):
        if _SUFFIX.search(name):
            called.setdefault(name, []).append(position)
            stem = name.rpartition(".")[0]
            if re.search(r"[0-9]", stem) and re.search(r"[a-z]", stem):
                called.setdefault(stem, []).append(position)
    files: list[tuple[str, tuple[int, ...]]] = []
    nearly: set[int] = set()
    for name, positions in sorted(called.items(), key=lambda item: -len(item[0])):
        if name not in folded:  # a pattern for each name costs more than all that follows
            continue
        folded, times = re.subn(rf"(?<![\w.-]){re.escape(name)}(?!\w|\.\w)", _CUT, folded)
        if times and name in whole:
            files.append((names[positions[0] - 1], tuple(positions)))
        elif times:
            nearly.update(positions)
    return folded, tuple(sorted(files, key=lambda file: file[1])), nearly


def _certain(plain: str, count: int) -> set[int]:
    """Return the positions that a text refers to in so many words, of images there or not."""
    found: set[int] = set()
    speaks_of_several = _PLURAL.search(_REFERENCE.sub(_CUT, plain)) is not None
    speaks_of_images = any(not _is_scenery(match) for match in _REFERENCE.finditer(plain))
    for match in _REFERENCE.finditer(plain):
        words = match["ordinals"] or match["numbers"]
        if match["new"] or "final" in words:  # "the final image" is mostly the result
            continue
        positions = set(_expanded(words, count))
        is_inside = (
            _INSIDE.match(plain, match.end())
            or (_is_scenery(match) and (count == 1 or speaks_of_images))
            or (count == 1 and speaks_of_several)
        )
        if is_inside:
            positions = {position for position in positions if position <= count}
        found |= positions
    return found


def _is_scenery(reference: re.Match[str]) -> bool:
    return re.fullmatch(_SCENERY, reference["noun"] or reference["numbered"]) is not None


def _possible(plain: str, count: int) -> set[int]:
    """Return the positions that a text may refer to, of images that are there."""
    lists = [match["words"] for match in _BARE_ORDINALS.finditer(plain)]
    if _NUMBERING.search(plain):  # where images are numbered, any number may be one
        lists += [match[0] for match in _BARE_NUMBERS.finditer(plain)]
    found = {position for words in lists for position in _expanded(words, count)}
    return {position for position in found if 1 <= position <= count}


_MEMBER = re.compile(rf"(?P<range> ?- ?| to | through )?(?:the )?(?P<word>{_ORDINAL}|{_NUMBER})")


def _expanded(words: str, count: int) -> Iterator[int]:
    """Yield the positions of a list such as "first, second and last" or "1-3"."""
    end = None
    for match in _MEMBER.finditer(words):
        start, stop = _span(match["word"], count)
        if match["range"] and end is not None:
            yield from range(end, start)
        yield from range(start, stop + 1)
        end = stop


def _span(word: str, count: int) -> tuple[int, int]:
    """Return the first and last position of one member: "second", "3rd", "4", "last two"."""
    base, _, many = word.partition(" ")
    if many:
        number = _number(many)
        return (1, number) if base == "first" else (max(1, count - number + 1), count)
    position = count if base in _FROM_THE_END else _POSITIONS.get(base) or _number(base)
    return position, position


def _number(word: str) -> int:
    return _NUMBERS.get(word) or int(word.rstrip("stndrh"))
