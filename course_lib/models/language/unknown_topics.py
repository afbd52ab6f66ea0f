"""What people ask for and Namu's data lacks: it says so, and answers the rest of the wish."""

from __future__ import annotations

from course_lib.models.language.conversation_context import ConversationContext
from course_lib.models.language.lexicon import Hit, lexicon
from course_lib.models.language.message_parser import find
from course_lib.models.language.place_words import facts_of, name_of, phrases, where_words
from course_lib.neighbourhoods import neighbourhoods_in


def admissions(context: ConversationContext, *, alone: bool = False) -> str:
    """Return the sentences that say what is not known.

    Args:
        context: the conversation; its message asks for at least one such thing.
        alone: whether nothing else is answered, so that what is known is said instead.
    """
    say = phrases()[context.language]
    places = set(lexicon()["topic_places"])
    of_place = alone and context.intent == "FOLLOW_UP" and bool(context.meant)
    lines = []
    for topic, phrase in _asked(context):
        label = phrases()["topics"][topic][context.language].format(said=phrase)
        if topic in places:
            lines.append(say["missing"].format(topic=label))
        elif of_place and topic not in ("weather", "location"):
            name = name_of(context.meant[0], context.language)
            lines.append(say["topic_of"].format(topic=label, name=name))
        else:
            lines.append(say["topic"].format(topic=label))
    if not alone:
        return "\n".join(lines)
    if of_place and not set(context.parsed.topics) & (places | {"weather", "location"}):
        place = facts_of(context.meant[0], context.language)
        key = "price_known" if "prices" in context.parsed.topics else "topic_next"
        return "\n".join([*lines, say[key].format(**place)])
    where = where_words(context.parsed.district, context.language)
    return "\n".join([*lines, say["missing_next"].format(where=where)])


def nowhere(context: ConversationContext) -> str | None:
    """Return that nobody knows where the person is, for a wish near to nothing that was named."""
    args = context.calls[-1]["args"] if context.calls else {}
    is_said = {"near", "district", "name", "tags"} & set(args)
    if (
        "near" not in context.parsed.signals
        or is_said
        or neighbourhoods_in(args.get("without", ()))
    ):
        return None
    label = phrases()["topics"]["location"][context.language]
    return phrases()[context.language]["topic"].format(topic=label)


def _asked(context: ConversationContext) -> list[tuple[str, str]]:
    """Return each thing that is asked for and not known, with the words that ask for it."""
    found: dict[str, Hit] = {}
    for hit in sorted(find(context.parsed.text), key=lambda h: (h.start, -h.end)):
        if hit.kind == "topics" and hit.value in context.parsed.topics:
            found.setdefault(hit.value, hit)
    return [(topic, hit.phrase) for topic, hit in found.items()]
