"""Words of texts in any script, and which of them say nothing."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache

__all__ = ["STOP_WORDS", "split_words"]

# Words of grammar, not of a subject; what is missing here is mostly found by its even spread.
_GRAMMAR = """
a about above after again against ain all almost along already also although always am among an and
another any anybody anyone anything are aren aren't arent around as ask at away be became because
become been before being below between both but by came can can't cannot cant come could couldn
couldn't couldnt did didn didn't didnt do does doesn doesn't doesnt doing don don't done dont down
during each either else enough etc even ever every everyone everything few for from further gave get
gets getting give given gives go goes going gone got had hadn hadn't hadnt has hasn hasn't hasnt
have haven haven't havent having he he'd he'll her here hers herself him himself his how however i
i'd i'll i'm i've if im in instead into is isn isn't isnt it it'd it'll its itself ive just keep
know let like ll make makes making many may maybe me might mine more most much must mustn mustn't my
myself need needs neither never no nobody none nor not nothing now of off often ok okay on once one
only onto or other others otherwise our ours ourselves out over own per please possible put quite
rather re really said same say says see seem seems seen several shall shan shan't she she'd she'll
should shouldn shouldn't shouldnt since so some somebody someone something sometimes still such take
taken than thank thanks that thats the their theirs them themselves then there therefore these they
they'd they'll they're they've thing things this those though through thus to together too toward
towards tried try trying under unless until up upon us use used uses using ve very via want wanted
wants was wasn wasn't wasnt way we we'd we'll we're we've well went were weren weren't werent what
whats when where whether which while who whole whom whose why will with within without won won't
wont would wouldn wouldn't wouldnt yes yet you you'd you'll you're you've your youre yours yourself
yourselves
"""
STOP_WORDS = frozenset(_GRAMMAR.split())

# Scripts that put no spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)


@cache
def _pattern() -> re.Pattern[str]:
    """Runs of an unspaced script, or words: letters, digits and marks, apostrophes inside.

    What Python takes for letters leaves out the marks that are vowels in the scripts of India. A
    plus or a number sign at the end makes another word: C is not C++.
    """
    marks = "".join(
        re.escape(chr(code))
        for code in range(0x300, min(sys.maxunicode, 0x1F000))
        if unicodedata.category(chr(code)).startswith("M")
    )
    unit = rf"(?:(?![{_UNSPACED}])[\w{marks}])"
    return re.compile(
        rf"([{_UNSPACED}][{_UNSPACED}{marks}]*)|({unit}+(?:['’]{unit}+)*(?:\+\+?|\#)?)"
    )


def split_words(text: str) -> Iterator[str]:
    """Yield the words of a text in lower case, and an empty one where punctuation stands.

    Runs of a script without spaces come as overlapping pairs of characters. Underscores are
    letters, as in names of programs; an English genitive is the word itself.
    """
    end = 0
    text = text.lower().replace("’", "'")
    for match in _pattern().finditer(text):
        if text[end : match.start()].strip():
            yield ""
        end = match.end()
        run, word = match.groups()
        if word is not None:
            yield word.strip("_").removesuffix("'s")
        elif len(run) < 3:
            yield run
        else:
            for place in range(len(run) - 1):
                yield run[place : place + 2]
