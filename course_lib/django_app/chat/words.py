"""What the page says, in English and in Korean.

Django's own way is `gettext`, whose compiled files need a tool that not every machine has. For two
languages and some sixty sentences a table is enough. Django's forms bring their own translations.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language

# fmt: off
WORDS: dict[str, tuple[str, str]] = {
    "title": ("Chat", "채팅"),
    "sign_in": ("Sign in", "로그인"),
    "sign_out": ("Sign out", "로그아웃"),
    "language": ("Language", "언어"),
    "conversations": ("Conversations", "대화 목록"),
    "conversation": ("Conversation", "대화"),
    "new": ("New conversation", "새 대화"),
    "message": ("Message", "메시지"),
    "send": ("Send", "보내기"),
    "stop": ("Stop", "중지"),
    "edit": ("Edit", "수정"),
    "delete": ("Delete", "삭제"),
    "save": ("Save", "저장"),
    "cancel": ("Cancel", "취소"),
    "yes": ("Yes", "예"),
    "no": ("No", "아니요"),
    "answer": ("Answer", "답하기"),
    "again": ("Send again", "다시 보내기"),
    "note": ("Add an instruction", "지시 추가"),
    "note_prompt": ("An instruction for the assistant, for this conversation:",
                    "이 대화에서 도우미가 따를 지시:"),
    "shorten": ("Shorten", "줄이기"),
    "person": ("You", "나"),
    "assistant": ("Assistant", "도우미"),
    "system": ("Instruction", "지시"),
    "problem": ("Problem", "문제"),
    "delete_thread": ("Delete this conversation?", "이 대화를 삭제할까요?"),
    "delete_message": ("Delete this message?", "이 메시지를 삭제할까요?"),
    "shorten_sure": ("Replace all but the last turn by a summary?",
                     "마지막 차례만 남기고 나머지를 요약으로 바꿀까요?"),
    "working": ("Working", "작업 중"),
    "waiting": ("Waiting for a free worker", "차례를 기다리는 중"),
    "stopped": ("Stopped.", "중지했습니다."),
    "writing": ("An answer is being written. Stop it, or wait.",
                "답을 쓰는 중입니다. 중지하거나 기다려 주세요."),
    "offline": ("The site cannot be reached. Check your connection, then send again.",
                "사이트에 연결할 수 없습니다. 연결을 확인하고 다시 보내 주세요."),
    "reconnecting": ("The connection broke. Trying again.", "연결이 끊겨 다시 연결합니다."),
    "not_found": ("There is nothing at this address.", "이 주소에는 아무것도 없습니다."),
    "home": ("To your conversations", "대화 목록으로"),
    # What an answer with an error says: what was wrong, and the one thing to do next.
    "sign-in-needed": ("You are signed out. Sign in again.",
                       "로그아웃되었습니다. 다시 로그인해 주세요."),
    "sign-in-failed": ("The name and the password do not fit. Check both, also capital letters.",
                       "이름과 비밀번호가 맞지 않습니다. 대소문자까지 확인해 주세요."),
    "too-many-sign-ins": ("There were too many attempts. Try again in {minutes} minutes.",
                          "로그인 시도가 너무 많았습니다. {minutes}분 뒤에 다시 해 주세요."),
    "csrf": ("This page is out of date. Load it again.",
             "오래된 페이지입니다. 새로 고쳐 주세요."),
    "bad-request": ("The request is not valid.", "요청이 올바르지 않습니다."),
    "too-long": ("The message is longer than {limit} letters. Shorten it.",
                 "메시지가 {limit}자보다 깁니다. 줄여 주세요."),
    "empty": ("The message is empty. Write something.",
              "메시지가 비어 있습니다. 내용을 써 주세요."),
    "load_again": ("Load the page again", "새로 고치기"),
    "thread-gone": ("This conversation was deleted. Your next message begins a new one.",
                    "삭제된 대화입니다. 다음 메시지부터 새 대화가 시작됩니다."),
    "thread-unknown": ("You have no such conversation.", "그런 대화가 없습니다."),
    "message-unknown": ("This message is no longer there. Load the page again.",
                        "이 메시지는 이제 없습니다. 새로 고쳐 주세요."),
    "busy": ("An answer is being written in this conversation. Wait for it, or stop it.",
             "이 대화에서 답을 쓰는 중입니다. 기다리거나 중지해 주세요."),
    "question-open": ("The assistant waits for an answer. Answer its question first.",
                      "도우미가 답을 기다립니다. 먼저 질문에 답해 주세요."),
    "question-closed": ("This question was answered already. Load the page again.",
                        "이미 답한 질문입니다. 새로 고쳐 주세요."),
    "answer-does-not-fit": ("The answer does not fit the question. Check the fields.",
                            "답이 질문에 맞지 않습니다. 입력한 값을 확인해 주세요."),
    "nothing-to-shorten": ("There is only one turn, so there is nothing to shorten.",
                           "차례가 하나뿐이라 줄일 것이 없습니다."),
    "thread-lost": ("The server no longer has this conversation, so a new one begins here. The "
                    "assistant does not know what was said before.",
                    "서버에 이 대화가 없어 새 대화를 시작합니다. 도우미는 앞의 내용을 모릅니다."),
    "server-error": ("The assistant's server had an error. Send the message again.",
                     "도우미 서버에 오류가 났습니다. 메시지를 다시 보내 주세요."),
    "server-away": ("The assistant's server does not answer. Try again in a moment.",
                    "도우미 서버가 응답하지 않습니다. 잠시 뒤에 다시 해 주세요."),
    "run-lost": ("The server no longer knows this answer. Send the message again.",
                 "서버에 이 답의 기록이 없습니다. 메시지를 다시 보내 주세요."),
    "run-failed": ("The assistant could not finish its answer. Send the message again.",
                   "도우미가 답을 끝내지 못했습니다. 메시지를 다시 보내 주세요."),
}
"""By name: the English sentence, and the Korean one."""
# fmt: on


def language() -> str:
    """The language of the person who asks: `ko` or `en`."""
    return "ko" if (get_language() or "").startswith("ko") else "en"


def say(name: str, spoken: str | None = None, **values: object) -> str:
    """One sentence in the person's language.

    Args:
        name: its name in `WORDS`.
        spoken: `ko` or `en`; that of the request when left out.
        values: for the gaps of the sentence.
    """
    return WORDS[name][(spoken or language()) == "ko"].format(**values)


def all_words() -> dict[str, str]:
    """Every sentence in the person's language, by name."""
    column = int(language() == "ko")
    return {name: sentences[column] for name, sentences in WORDS.items()}


def words_for_templates(_: HttpRequest) -> dict[str, Any]:
    """Give every template the `language`, and the sentences as `words`, with `_` for `-`."""
    words = {name.replace("-", "_"): text for name, text in all_words().items()}
    return {"language": language(), "words": words}
