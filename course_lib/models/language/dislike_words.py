"""What somebody says who dislikes a kind of place: in front of it, behind it, and misspelt.

A dislike (`I hate museums`, `박물관은 별로예요`, `museums bore me`) holds for the conversation. A
refusal (`not that one`, `카페 말고`) is of one wish; `negation` reads both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from course_lib.models.language.lexicon import Hit

NOT = r"(?:not|never|no longer|ain'?t|isn'?t|aren'?t|(?:do|does|did|wo|would)(?:n'?t| not)|dnt|n't)"
HOW = (
    r"(?:a|an|the|really|very|too|so+|just|kinda|kind of|sort of|pretty|quite|totally|honestly|"
    r"particularly|exactly|especially|usually|generally|always|all|that|much|at all|super|bit|"
    r"little|even|ever|big|huge|of|for|to|some|any|more|these|those|seeing|visiting|going|eating)"
)
HATES = r"(?:hat(?:e|es|ed|ing)|dislikes?|detests?|loathes?|despises?)"
TAKES_NO = (
    r"(?:liked?s?|enjoy(?:s|ed)?|eats?|drinks?|cares? (?:for|about)|digs?|dos?|visits?|"
    r"(?:go|goes) to|recommend|suggest|show|give|offer)(?: me| us)?"
)
BEFORE = re.compile(
    rf"(?:\b{HATES}|\bcan(?:'?t|not| not) (?:stand|bear|eat|drink|handle|take|do)|"
    rf"\b{NOT} (?:{HOW} )*{TAKES_NO}|"
    rf"\b(?:{NOT} (?:{HOW} )*|no )(?:fan of|fond of|keen on|interest(?:ed)? in|into|big on)|"
    r"\b(?:sick|tired|bored|weary) (?:of|with|by|in|at)|\bfed up with|\bhad enough(?: of)?|"
    r"\b(?:i'?m|we'?re) (?:so |totally |really )?over|\bdone with|\ballergic to|"
    r"\b(?:rather|prefer) not (?:to )?(?:go to|visit|see|do|eat|have|get)|"
    r"\b(?:stop|quit) (?:recommending|suggesting|showing|giving|sending|offering)(?: me| us)?)"
    rf"(?: {HOW})* $"
)
DOES_NOT_MIND = re.compile(
    rf"(?:{NOT} (?:\w+ )?{HATES}|\bwho (?:does|do|could|would|can)(?:n't| not) \w+)(?: {HOW})* $"
)
FINDS = re.compile(r"\b(?:find|found|think|consider|call)(?: (?:that|most|all|the|such))* $")
PEOPLE = re.compile(r"^ (?:person|people|guy|girl|fan|lover|type|goer|kind of)s?\b")
NOT_A = re.compile(rf"\b{NOT} (?:{HOW} )*$")
BAD = (
    r"(?:boring|dull|lame|awful|terrible|tedious|tiring|exhausting|annoying|overrated|meh|"
    r"yuck|the worst|no fun|a no|a turn-?off|snoozefest|snooze|a? ?drag|"
    r"a? ?waste of time|out|depressing)"
)
MINE = r"(?:for (?:me|us)|(?:my|our) (?:thing|cup of tea|jam|style|taste|scene)|fun|interesting)"
AFTER = re.compile(
    rf"^(?:,? (?:{HOW} )*(?:bore|tire|annoy|stress|depress)(?:s|es)? (?:me|us|my \w+)\b|"
    rf" (?:{HOW} )*sucks?\b|"
    r" (?:(?:puts?|sends?) (?:me|us) to sleep|(?:wear|tire)s? (?:me|us) out)\b|"
    r" makes? (?:me|us|my \w+) (?:so )?(?:sleepy|tired|yawn|sad|anxious|miserable|bored)\b|"
    rf" (?:{HOW} )*(?:is|are|r|=|get|gets|feel|feels|sound|sounds) (?:{HOW} )*{BAD}\b(?! ?\?)|"
    rf"[:,?.-]*(?: {HOW})* (?:(?:(?:is|are|r) )?not|isn'?t|aren'?t|ain'?t) (?:{HOW} )*"
    rf"{MINE}\b(?! ?\?)|"
    rf" (?:{HOW} )*{NOT} (?:{HOW} )*(?:interest|excite|appeal to|thrill|do it for|work for) "
    r"(?:me|us|my \w+)\b|"
    r" ?[?,.]* (?:nah+|nope|pass|meh|no thanks|no thank you|no way|ugh|yuck)\b)"
)

SAID_BAD = re.compile(rf"^ (?:(?:is|are|to be) )?(?:{HOW} )*{BAD}\b")

ADVERBS_KO = (
    r"(?:(?:좀|조금|너무|넘|진짜|정말|딱|아주|완전|영|전혀|별로|그다지|그닥|이제|이젠|더는|딱히|굳이|썩|도저히|도무지|"
    r"더 ?이상|사실|솔직히|개인적으로|원래|아예|앞으로|"
    r"제|내|저희|우리|저랑|나랑|저한테|나한테|저는|나는|전|난|"
    r"핵|개|또|많이|(?:애|아이|부모님|엄마|아빠|남편|아내|와이프|친구|남친|여친|가족|다)들?[이가은는도]?|"
    r"[가-힣]{1,3}기(?:가|도|는)?|[가-힣]{1,3}는 ?(?:거|건|것은|게|걸))\s*){0,4}"
)
NOT_NEGATED = r"(?![가-힣]{0,2}?[지진](?:는|도)? ?(?:않|안 ?[아어]))"
STRONG_KO = r"(?:싫|시[러로룸른]|실(?:어|타|음|여)|싷|질색|극혐|혐오)"
MILD_KO = (
    r"(?:별[로루론룬](?!\s+(?:안|없))|노잼|비추|영 ?아니|지루|따분|지겨|지겹|지긋|"
    r"질[려리렸]|물[려렸]|"
    r"재미가? ?없|흥미[가도는]? ?없|관심[이은도]? ?(?:없|밖)|원(?:하[지진]|치) ?않|"
    r"힘들|힘드|피곤|사양|노노|ㄴㄴ|패스|"
    r"안 ?좋아|좋아하[지진질](?:는|도)? ?(?:않|안|못)|"
    r"[못안] ?(?:먹(?!어 ?[봤본]|었|은)|마[시셔])|"
    r"안 ?가(?:요|고 ?싶|는 ?(?:편|타입|스타일)|[\s.!~ㅋ]*$)|안 ?(?:갈|할|볼|탈)(?:래|게|꺼| ?거)|"
    r"안 ?갑니|안 ?감|안 ?(?:해요?[\s.!~]*$|합니|함)|"
    r"안 ?(?:땡|당[기겨]|끌|내[키켜]|맞)|(?:땡기|끌리|내키)지 ?않|"
    r"[가-힣]{1,3}고 ?싶(?:지|진)(?:는|도)? ?않|안 ?[가-힣]{1,3}고 ?싶|"
    r"(?:취향|스타일|타입|체질)(?:이|은|도|에)? ?(?:아니|아냐|아님|아닌|안 ?맞)|"
    r"됐(?:어|고|습|네|음)|그만(?! ?(?:큼|두|한|예약))|"
    r"추천[은을도]? ?(?:하지 ?(?:마|말)|말아|마세요|마[\s.!~]*$)|"
    r"(?:넣|보여주|알려주|찾|가)지 ?(?:마|말))"
)
WHY_KO = r"(?:[가-힣]{1,6}(?:서|니까)\s*)?"
WORDS_KO = (
    rf"{ADVERBS_KO}{WHY_KO}(?:{STRONG_KO}{NOT_NEGATED}|{MILD_KO}{NOT_NEGATED}(?![가-힣]*\s*\?))"
)
"""The predicate of a dislike behind a noun and its particle. A question (`지루해?`) is none."""

COMPANY = ("family", "kids", "friends", "date")
SUBJECT = re.compile(r"들?(?:이|가|께서|은|는|도)\s")
"""What stands behind those who dislike something."""

HINTED = r"[은는]\s*좀(?:요)?[\s.…~ㅠㅜ]*$|[은는]?\s*좀\s*(?:그렇|그래|그러|아닌|아니)"
"""A refusal that is left unsaid, as in `박물관은 좀...`."""

FOR_GOOD = re.compile(
    r"\b(?:from now on|ever|ever again|in future|in the future|any ?more|no more|for good)\b"
    r"|(?:말고|빼고)[는도]? ?(?:다|전부|뭐든|아무|어디든)|앞으로|이제부터|다시는|더 ?이상|더는|절대"
)
"""What makes a dislike of a refusal."""

POLITE = (
    r"(?:please|pls|plz|ok|okay|and|but|so|hmm+|sorry|well|oh|hey|actually|"
    r"thanks|thank you|thx|tho|tbh)"
)
BARE_NO = re.compile(
    rf"^(?:{POLITE}[ ,.]*|(?:i|we)(?:'?d| would)? (?:prefer|rather have|like|want) )*"
    r"(?:no|not|skip|avoid|forget|enough|anything but|leave out|exclude)"
    r"(?: more| the| any| of| with| another)* \0(?:[ ,]*(?:and|or|nor|,|more|any|no)* *\0)*"
    r"(?: (?:food|stuff|places?|things?|dishes))?"
    rf"(?:[ ,.!]*(?:{POLITE}|for me|for us|at all|today|again|now|i think))*[ ,.!]*$"
)
"""A message that is nothing but a refusal; every kind in it is a zero sign."""

REACH = 100
"""How far from a word its dislike is looked for, in characters."""

MISSPELT = ("hate", "hates", "hated", "like", "dislike", "boring", "interested", "enjoy", "stand")


@lru_cache(maxsize=1024)
def means_dislike(hit: Hit, text: str) -> bool:
    """Whether a message says of the word itself that it is disliked.

    Args:
        hit: a word of the message.
        text: the message, from `normalise`.
    """
    if hit.value in COMPANY and SUBJECT.match(text[hit.end :]):
        return False  # it is the children who dislike something
    before = mended(text[max(hit.start - REACH, 0) : hit.start])
    after = mended(text[hit.end :][:REACH])
    if DOES_NOT_MIND.search(before):
        return False
    if BEFORE.search(before) or AFTER.match(after):
        return True
    if PEOPLE.match(after) and NOT_A.search(before):
        return True
    if FINDS.search(before) and SAID_BAD.match(after):
        return True
    return bool(re.match(HINTED, after)) or bool(_behind_ko().match(after))


def minds_not(hit: Hit, text: str) -> bool:
    """Whether a message takes a dislike back: `I don't hate museums`."""
    return bool(DOES_NOT_MIND.search(mended(text[max(hit.start - REACH, 0) : hit.start])))


def is_for_good(text: str, refused: Sequence[Hit]) -> bool:
    """Whether a message that refuses kinds of places means more than the present wish.

    Args:
        text: the message, from `normalise`.
        refused: what it refuses.
    """
    if FOR_GOOD.search(text):
        return True
    plain = list(text)
    for hit in refused:
        plain[hit.start : hit.end] = ["\0", *[""] * (hit.end - hit.start - 1)]
    return bool(BARE_NO.match("".join(plain)))


@lru_cache(maxsize=1)
def _behind_ko() -> re.Pattern[str]:
    noun = r"(?:[가-힣]{0,3}?(?:한|은|는|운|인|된|로운)?)?\s*"
    filler = r"(?:(?:같은|따위)\s*)?(?:(?:데|곳|거|것|건|걸|게|집|쪽|장소|음식|요리|종류|"
    filler += r"구경|관람|방문|투어|탐방|나들이)(?:들)?)?"
    particle = r"(?:에서|에|으로|로|은|는|이|가|을|를|도|만|들|이나|나|이라면)*\s*"
    return re.compile(rf"^{noun}{filler}{particle}{WORDS_KO}")


@lru_cache(maxsize=512)
def mended(text: str) -> str:
    """Return a text with the slips in words of dislike put right.

    A slip is two letters changed about, one letter doubled, or in a long word one letter wrong.

    Args:
        text: a text from `normalise`.
    """
    return re.sub(r"[a-z]{4,}", lambda found: _right(found[0]), text)


@lru_cache(maxsize=2048)
def _right(word: str) -> str:
    from rapidfuzz.distance import OSA

    if word in MISSPELT:
        return word
    single = re.sub(r"([a-z])\1+", r"\1", word)
    for right in MISSPELT:
        swapped = sorted(word) == sorted(right) and OSA.distance(word, right) == 1
        near = len(right) >= 6 and OSA.distance(word, right, score_cutoff=1) == 1
        if swapped or near or single == right:
            return right
    return word
