"""What is said to somebody who likes what was found: what they chose, and what comes next."""

from __future__ import annotations

from course_lib.models.language.conversation_context import ConversationContext
from course_lib.models.language.jamo import with_particle
from course_lib.models.language.likes import agreed_on
from course_lib.models.language.place_words import name_of, numbered_names, phrases
from course_lib.models.language.references import as_table


def about_agreement(context: ConversationContext, *, books: bool) -> str | None:
    """Return the answer to a message that only agrees, None for any other message.

    One place that is named or was spoken of last is taken as chosen. Of several, it is asked which
    one is meant.

    Args:
        context: the conversation.
        books: whether a place can be booked here.
    """
    if context.intent != "CONVERSATION":
        return None
    say, signals = phrases()[context.language], context.parsed.signals
    liked = agreed_on(context.parsed, context.recommended)
    if liked is None:
        praises = "praise" in signals and not signals & {"thanks", "bye"}
        if not praises and not signals >= {"accept", "deictic"}:
            return None
        if context.after_booking:
            return say["accept"] if context.booked else say["yes"]
        liked = as_table(context.focus)
    if liked is not None:
        name = name_of(liked, context.language)  # comes first, so that "book it" means this place
        return say["accept_one"].format(
            name=name,
            topic_name=with_particle(name, "은/는"),
            next=say["accept_book" if books else "accept_near"],
        )
    if len(context.recommended) < 2:
        return None
    names = numbered_names(context.recommended, context.language)
    return say["like_list_book" if books else "like_list"].format(names=names)
