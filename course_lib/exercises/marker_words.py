"""The words that marks of a solution are made of, in the languages that courses are written in."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

LOOKALIKES = str.maketrans("авсеніјкморѕтух", "abcehijkmopstyx")
"""Cyrillic letters that look like Latin ones."""

LONG = 8
"""From this many letters on, two of them may be wrong; one in a word of 5 or more."""


def plain(text: str) -> str:
    """Return text without case, accents, invisible letters and look-alikes of Latin ones."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    left = (ch for ch in folded if unicodedata.category(ch) not in ("Cf", "Mn"))
    return unicodedata.normalize("NFC", "".join(left)).translate(LOOKALIKES)


def _set(words: str) -> frozenset[str]:
    return frozenset(plain(words).split())


@dataclass(frozen=True)
class Language:
    """Words of one language, without accents and case.

    Args:
        edges: where something begins or ends.
        solutions: what learners are to write themselves.
        answers: the same, but also what programs give to people.
        tests: what checks an answer.
        hidden: what a test is called that learners do not see.
        fillers: what may stand beside these in a line that is a mark and no sentence.
    """

    edges: frozenset[str]
    solutions: frozenset[str]
    answers: frozenset[str]
    tests: frozenset[str]
    hidden: frozenset[str]
    fillers: frozenset[str]


def _language(
    edges: str, solutions: str, answers: str = "", tests: str = "", hidden: str = "", fill: str = ""
) -> Language:
    return Language(*(_set(words) for words in (edges, solutions, answers, tests, hidden, fill)))


ENGLISH = _language(
    "begin begins beginning end ends ending start starts starting stop stops finish finishes",
    "solution sol sols soln solns",
    "answer ans answ secret secrets",
    "test tests autotest autotests unittest unittests testcase testcases",
    "hidden hiddentest hiddentests private hashed",
    "a an the of my your our sample model reference mark marking code cell block section here no"
    " prompt point points part official student instructor teacher key region",
)
OTHERS = (
    _language(
        "시작 끝 종료 마침",
        "정답 해답 풀이 모범답안 답안",
        "답",
        "테스트 채점",
        "숨은 숨김 숨겨진 비공개",
        "을 를 은 는 이 가 의 입니다 부분 코드 셀 여기 여기서 여기부터"
        " 여기서부터 여기까지 에서 부터 까지 모범 예시",
    ),
    _language(
        "開始 終了 始まり 終わり 开始 结束 結束 開頭 开头",
        "解答 正解 答案 答え 模範解答 参考答案 解決策 解决方案",
        "回答",
        "テスト 测试 測試",
        "非公開 隠し 隐藏 隱藏",
        "の は ここ ここから ここまで 这里 此处 代码 コード 参考",
    ),
    _language(
        "beginn anfang ende start",
        "lösung loesung lösungen musterlösung musterloesung",
        "antwort antworten",
        "tests",
        "versteckt versteckte verdeckte",
        "der die das des von hier muster teil",
    ),
    _language(
        "début fin commence commencement",
        "solution corrigé corrige",
        "réponse réponses",
        "tests",
        "caché cachés",
        "de du des la le l les ici",
    ),
    _language(
        "inicio comienzo comienza empieza fin final termina",
        "solución soluciones",
        "respuesta respuestas",
        "pruebas",
        "ocultas ocultos",
        "de del la las los el aquí",
    ),
    _language(
        "início começo fim final",
        "solução soluções gabarito",
        "resposta respostas",
        "testes",
        "ocultos",
        "de da do das dos a o aqui",
    ),
    _language("inizio fine", "soluzione soluzioni", "risposta risposte", fill="della di la qui"),
    _language("begin einde", "oplossing", "antwoord", fill="van de het hier"),
    _language(
        "начало конец старт",
        "решение решения",
        "ответ ответа ответы",
        "тесты тестов",
        "скрытые скрытых",
        "код здесь",
    ),
    _language("początek koniec", "rozwiązanie rozwiązania", "odpowiedź odpowiedzi"),
    _language("başlangıç başla son bitiş", "çözüm", "cevap yanıt"),
)

AUDIENCE = _set(
    "instructor instructors teacher teachers lecturer tutor staff 강사 교사 교수 lehrer dozent"
    " enseignant profesor professor docente"
)
"""Who may see a solution."""

ANY = (AUDIENCE | {"code", "scheme"}).union(
    *(each.solutions | each.answers | each.tests | each.hidden for each in (ENGLISH, *OTHERS))
)
"""Without one of these a line is no mark."""

UNSPACED = re.compile(
    "|".join(
        sorted(
            (
                re.escape(word)
                for language in OTHERS[:2]
                for words in (language.edges, language.solutions, language.tests, language.hidden)
                for word in words
                if len(word) > 1
            ),
            key=len,
            reverse=True,
        )
    )
)
"""Words of scripts in which words may stand together without a space."""


def words_of(text: str) -> list[str]:
    """Return the words of a text in plain form."""
    owned = re.sub(r"['’]s\b|\btest[ _-]+(?=cases?\b)", _joined, plain(text))
    spaced = UNSPACED.sub(lambda found: f" {found[0]} ", owned)
    return re.findall(r"[^\W\d_]+", spaced)


def _joined(found: re.Match[str]) -> str:
    """`test cases` is one word; what belongs to somebody is theirs without an apostrophe."""
    return "test" if found[0].startswith("test") else ""


@lru_cache(maxsize=10_000)
def is_one_of(word: str, wanted: frozenset[str]) -> bool:
    """Return whether a word is one of others, perhaps in the plural or with a slip of the keys.

    Args:
        word: in plain form.
        wanted: in plain form.
    """
    forms = {word, word.removesuffix("s")} if len(word) > 3 else {word}
    return bool(forms & wanted) or any(_is_slip(word, other) for other in wanted)


def _is_slip(word: str, other: str) -> bool:
    """Whether a word is another with letters that were missed, doubled, wrong or swapped."""
    if len(other) < 3 or abs(len(word) - len(other)) > 2:
        return False
    if word[0] not in other[:2]:
        return False
    swapped = (other[:n] + other[n + 1] + other[n] + other[n + 2 :] for n in range(len(other) - 1))
    if word in swapped:
        return True
    if len(other) < 5 or word[:1] != other[:1] or word in ORDINARY:
        return False
    return _distance(word, other) <= (2 if len(other) >= LONG else 1)


ORDINARY = _set("stars star stare smart tart begun began teach tested text texts testing privates")
"""Words that are one letter away from a word of a mark, and are none."""


def _distance(word: str, other: str) -> int:
    """How many letters are to be put in, taken out or exchanged to make one word of another."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(word, 1):
        above, row[0] = row[0], number
        for column, wanted in enumerate(other, 1):
            best = min(row[column], row[column - 1]) + 1
            above, row[column] = row[column], min(best, above + (letter != wanted))
    return row[-1]
