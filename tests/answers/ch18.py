"""Chapter 18, Run it for others."""

from answers import Answers

CHAPTER = "18"

SETUP = """
import itertools
import uuid
from collections import Counter, defaultdict

from langchain_core.messages import AIMessage, HumanMessage

RIGHT = {
    "the worker dies, the same id": "once",
    "the worker dies, a new id": "doubled",
    "the worker dies, not sent again": "lost",
    "the worker dies with durability exit, the same id": "once",
    "the worker dies with durability exit, not sent again": "lost",
    "the answer does not arrive, the same id": "once",
    "the answer does not arrive, a new id": "doubled",
    "the answer does not arrive, not sent again": "once",
    "the primary dies, synchronous standby": "once",
    "the primary dies, asynchronous standby": "lost",
}


def is_answer(message):
    return isinstance(message, AIMessage) and message.text and not message.tool_calls


def turns_of(messages):
    times, answers = Counter(), Counter()
    for message in messages:
        if message.type == "human":
            last = message.id
            times[last] += 1
        elif is_answer(message):
            answers[last] += 1
    return times, answers


def covered(span, children):
    moments = sorted({m for c in children for m in (c.start_ns, c.end_ns)})
    moments = [m for m in moments if span.start_ns < m < span.end_ns]
    moments = [span.start_ns, *moments, span.end_ns]
    return sum(
        end - start
        for start, end in itertools.pairwise(moments)
        if any(c.start_ns <= start and end <= c.end_ns for c in children)
    )
"""

ANSWERS = {
    1: Answers(
        right=(
            "RIGHT",
            "dict(reversed(RIGHT.items()))",
            "{**RIGHT, 'one case more': 'lost'}",
        ),
        wrong=(
            "dict.fromkeys(RIGHT, 'once')",
            "{**RIGHT, 'the worker dies, not sent again': 'once'}",
            "{**RIGHT, 'the worker dies, a new id': 'once'}",
            "{**RIGHT, 'the worker dies with durability exit, the same id': 'lost'}",
            "{**RIGHT, 'the worker dies with durability exit, the same id': 'doubled'}",
            "{**RIGHT, 'the worker dies with durability exit, not sent again': 'once'}",
            "{**RIGHT, 'the answer does not arrive, the same id': 'doubled'}",
            "{**RIGHT, 'the answer does not arrive, not sent again': 'lost'}",
            "{**RIGHT, 'the primary dies, asynchronous standby': 'once'}",
            "{**RIGHT, 'the primary dies, synchronous standby': 'lost'}",
            "{**RIGHT, 'the worker dies, the same id': 'twice'}",
            "{'the worker dies, the same id': 'once'}",
            "list(RIGHT.values())",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(bucket, now):
                passed = max(0, now - bucket["filled_at"])
                left = min(bucket["size"], bucket["left"] + passed * bucket["per_second"])
                if left < 1:  # changes nothing: the next call counts from the same moment
                    return (1 - left) / bucket["per_second"]
                bucket["left"] = left - 1
                bucket["filled_at"] += passed
                return 0
            """,
            """
            async def answer(bucket, now):
                if now > bucket["filled_at"]:
                    bucket["left"] += (now - bucket["filled_at"]) * bucket["per_second"]
                    bucket["filled_at"] = now
                bucket["left"] = min(bucket["left"], bucket["size"])
                if bucket["left"] >= 1:
                    bucket["left"] -= 1
                    return 0.0
                return (1 - bucket["left"]) / bucket["per_second"]
            """,
            """
            def answer(bucket, now):  # keeps the moment at which the bucket was empty
                now = max(now, bucket["filled_at"])
                rate = bucket["per_second"]
                empty = bucket.get("empty", bucket["filled_at"] - bucket["left"] / rate)
                empty = max(empty, now - bucket["size"] / rate)
                wait = max(0, empty + 1 / rate - now)
                bucket.update(empty=empty if wait else empty + 1 / rate, filled_at=now)
                return wait
            """,
        ),
        wrong=(
            """
            def answer(bucket, now):  # one turn is not enough
                now = max(now, bucket["filled_at"])
                added = (now - bucket["filled_at"]) * bucket["per_second"]
                left = min(bucket["size"], bucket["left"] + added)
                allowed = left > 1
                bucket.update(left=left - allowed, filled_at=now)
                return 0 if allowed else (1 - left) / bucket["per_second"]
            """,
            """
            def answer(bucket, now):  # more than size
                now = max(now, bucket["filled_at"])
                left = bucket["left"] + (now - bucket["filled_at"]) * bucket["per_second"]
                allowed = left >= 1
                bucket.update(left=left - allowed, filled_at=now)
                return 0 if allowed else (1 - left) / bucket["per_second"]
            """,
            """
            def answer(bucket, now):  # a refused turn takes one
                now = max(now, bucket["filled_at"])
                added = (now - bucket["filled_at"]) * bucket["per_second"]
                left = min(bucket["size"], bucket["left"] + added)
                bucket.update(left=left - 1, filled_at=now)
                return 0 if left >= 1 else (1 - left) / bucket["per_second"]
            """,
            """
            def answer(bucket, now):  # a refused turn takes what had come back
                now = max(now, bucket["filled_at"])
                added = (now - bucket["filled_at"]) * bucket["per_second"]
                left = min(bucket["size"], bucket["left"] + added)
                bucket.update(left=max(0, left - 1), filled_at=now)
                return 0 if left >= 1 else (1 - left) / bucket["per_second"]
            """,
            """
            def answer(bucket, now):  # a clock that goes back takes turns away
                added = (now - bucket["filled_at"]) * bucket["per_second"]
                left = min(bucket["size"], bucket["left"] + added)
                allowed = left >= 1
                bucket.update(left=left - allowed, filled_at=now)
                return 0 if allowed else (1 - left) / bucket["per_second"]
            """,
            """
            def answer(bucket, now):  # the same time comes back twice
                added = max(0, now - bucket["filled_at"]) * bucket["per_second"]
                left = min(bucket["size"], bucket["left"] + added)
                allowed = left >= 1
                bucket.update(left=left - allowed, filled_at=now)
                return 0 if allowed else (1 - left) / bucket["per_second"]
            """,
            """
            def answer(bucket, now):  # whole turns only
                now = max(now, bucket["filled_at"])
                added = int((now - bucket["filled_at"]) * bucket["per_second"])
                left = min(bucket["size"], bucket["left"] + added)
                allowed = left >= 1
                bucket.update(left=left - allowed, filled_at=now)
                return 0 if allowed else (1 - left) / bucket["per_second"]
            """,
            """
            def answer(bucket, now):  # tells how long a whole turn takes
                now = max(now, bucket["filled_at"])
                added = (now - bucket["filled_at"]) * bucket["per_second"]
                left = min(bucket["size"], bucket["left"] + added)
                allowed = left >= 1
                bucket.update(left=left - allowed, filled_at=now)
                return 0 if allowed else 1 / bucket["per_second"]
            """,
            """
            def answer(bucket, now):  # says whether, and not how long
                now = max(now, bucket["filled_at"])
                added = (now - bucket["filled_at"]) * bucket["per_second"]
                left = min(bucket["size"], bucket["left"] + added)
                allowed = left >= 1
                bucket.update(left=left - allowed, filled_at=now)
                return allowed
            """,
            """
            def answer(bucket, now):  # fills the whole bucket when its time is over
                if now - bucket["filled_at"] >= bucket["size"] / bucket["per_second"]:
                    bucket.update(left=bucket["size"], filled_at=now)
                if bucket["left"] >= 1:
                    bucket["left"] -= 1
                    return 0
                return bucket["filled_at"] + bucket["size"] / bucket["per_second"] - now
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            def answer(post, text, left=5, message_id=None):
                message_id = message_id or str(uuid.uuid4())
                try:
                    return post(message_id, text)
                except ConnectionError:
                    if left == 1:
                        raise
                return answer(post, text, left - 1, message_id)
            """,
            """
            async def answer(post, text):
                mine, requests = f"{uuid.uuid1()}", 0
                while True:
                    requests += 1
                    try:
                        return post(mine, text)
                    except ConnectionError:
                        if requests == 5:
                            raise
            """,
            """
            def answer(post, text):
                for each in itertools.repeat(uuid.uuid4().hex, 5):
                    try:
                        found = post(each, text)
                    except ConnectionError as error:
                        broken = error
                    else:
                        return found
                raise broken
            """,
        ),
        wrong=(
            """
            def answer(post, text):  # a new id for each request
                for _ in range(5):
                    try:
                        return post(str(uuid.uuid4()), text)
                    except ConnectionError:
                        continue
                raise ConnectionError
            """,
            """
            def answer(post, text):  # the id is made of the text
                message_id = str(uuid.uuid5(uuid.NAMESPACE_URL, text))
                for _ in range(5):
                    try:
                        return post(message_id, text)
                    except ConnectionError:
                        continue
                raise ConnectionError
            """,
            """
            mine = str(uuid.uuid4())


            def answer(post, text):  # one id for everything
                for _ in range(5):
                    try:
                        return post(mine, text)
                    except ConnectionError:
                        continue
                raise ConnectionError
            """,
            """
            def answer(post, text):  # sends once
                return post(str(uuid.uuid4()), text)
            """,
            """
            def answer(post, text):  # sends what is refused again
                message_id = str(uuid.uuid4())
                for _ in range(5):
                    try:
                        return post(message_id, text)
                    except Exception:
                        continue
                raise ConnectionError
            """,
            """
            def answer(post, text):  # says nothing when it gives up
                message_id = str(uuid.uuid4())
                for _ in range(5):
                    try:
                        return post(message_id, text)
                    except ConnectionError:
                        continue
            """,
            """
            def answer(post, text):  # gives up too early
                message_id = str(uuid.uuid4())
                for _ in range(4):
                    try:
                        return post(message_id, text)
                    except ConnectionError:
                        continue
                raise ConnectionError
            """,
            """
            def answer(post, text):  # the sixth request
                message_id = str(uuid.uuid4())
                for _ in range(5):
                    try:
                        return post(message_id, text)
                    except ConnectionError:
                        continue
                return post(message_id, text)
            """,
            """
            def answer(post, text):  # takes a broken connection for a stored turn
                try:
                    return post(str(uuid.uuid4()), text)
                except ConnectionError:
                    return ""
            """,
            """
            numbers = itertools.count()


            def answer(post, text):  # the id is no UUID
                message_id = str(next(numbers))
                for _ in range(5):
                    try:
                        return post(message_id, text)
                    except ConnectionError:
                        continue
                raise ConnectionError
            """,
            """
            def answer(post, text):  # the id is no text
                message_id = uuid.uuid4()
                for _ in range(5):
                    try:
                        return post(message_id, text)
                    except ConnectionError:
                        continue
                raise ConnectionError
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(sent, stored):
                lost, doubled, order = [], [], []
                for thread, ids in sent.items():
                    times, answers = turns_of(stored.get(thread, ()))
                    for each in ids:
                        if not times[each] or not answers[each]:
                            lost.append(each)
                        if max(times[each], answers[each]) > 1:
                            doubled.append(each)
                    places = [list(times).index(each) for each in ids if each in list(times)]
                    if places != sorted(places):
                        order.append(thread)
                return {"lost": lost, "doubled": doubled, "out of order": order}
            """,
            """
            def answer(sent, stored):
                kept = {thread: turns_of(stored.get(thread, [])) for thread in sent}
                every = [(thread, each) for thread, ids in sent.items() for each in ids]
                return {
                    "lost": {each for thread, each in every if not kept[thread][1][each]},
                    "doubled": tuple(
                        each for thread, each in every
                        if kept[thread][0][each] > 1 or kept[thread][1][each] > 1
                    ),
                    "out of order": [
                        thread for thread, ids in sent.items()
                        if [i for i in kept[thread][0] if i in ids]
                        != [i for i in ids if kept[thread][0][i]]
                    ],
                }
            """,
            """
            async def answer(sent, stored):
                found = defaultdict(list, {"lost": [], "doubled": [], "out of order": []})
                for thread, ids in sent.items():
                    groups, order = defaultdict(list), []
                    for message in stored.get(thread, []):
                        if message.type == "human":
                            order.append(message.id)
                        elif is_answer(message):
                            groups[order[-1]].append(message)
                    first = sorted(set(order) & set(ids), key=order.index)
                    if first != sorted(first, key=ids.index):
                        found["out of order"].append(thread)
                    for each in reversed(ids):
                        if len(groups[each]) != 1 or order.count(each) != 1:
                            found["doubled" if groups[each] else "lost"].append(each)
                return found
            """,
        ),
        wrong=(
            """
            def answer(sent, stored):  # a message without an answer is not lost
                found = {"lost": [], "doubled": [], "out of order": []}
                for thread, ids in sent.items():
                    times, answers = turns_of(stored.get(thread, []))
                    found["lost"] += [i for i in ids if not times[i]]
                    found["doubled"] += [i for i in ids if times[i] > 1 or answers[i] > 1]
                    if [i for i in times if i in ids] != [i for i in ids if i in times]:
                        found["out of order"].append(thread)
                return found
            """,
            """
            def answer(sent, stored):  # two answers are not doubled
                found = {"lost": [], "doubled": [], "out of order": []}
                for thread, ids in sent.items():
                    times, answers = turns_of(stored.get(thread, []))
                    found["lost"] += [i for i in ids if not answers[i]]
                    found["doubled"] += [i for i in ids if times[i] > 1]
                    if [i for i in times if i in ids] != [i for i in ids if i in times]:
                        found["out of order"].append(thread)
                return found
            """,
            """
            def answer(sent, stored):  # two messages with one answer are not doubled
                found = {"lost": [], "doubled": [], "out of order": []}
                for thread, ids in sent.items():
                    times, answers = turns_of(stored.get(thread, []))
                    found["lost"] += [i for i in ids if not answers[i]]
                    found["doubled"] += [i for i in ids if answers[i] > 1]
                    if [i for i in times if i in ids] != [i for i in ids if i in times]:
                        found["out of order"].append(thread)
                return found
            """,
            """
            def answer(sent, stored):  # what is lost is out of order, too
                found = {"lost": [], "doubled": [], "out of order": []}
                for thread, ids in sent.items():
                    times, answers = turns_of(stored.get(thread, []))
                    found["lost"] += [i for i in ids if not answers[i]]
                    found["doubled"] += [i for i in ids if times[i] > 1 or answers[i] > 1]
                    if [i for i in times if i in ids] != ids:
                        found["out of order"].append(thread)
                return found
            """,
            """
            def answer(sent, stored):  # every copy counts for the order
                found = {"lost": [], "doubled": [], "out of order": []}
                for thread, ids in sent.items():
                    messages = stored.get(thread, [])
                    times, answers = turns_of(messages)
                    found["lost"] += [i for i in ids if not answers[i]]
                    found["doubled"] += [i for i in ids if times[i] > 1 or answers[i] > 1]
                    asked = [m.id for m in messages if m.type == "human"]
                    places = [ids.index(each) for each in asked if each in ids]
                    if places != sorted(places):
                        found["out of order"].append(thread)
                return found
            """,
            """
            def answer(sent, stored):  # the order of the ids as text
                found = {"lost": [], "doubled": [], "out of order": []}
                for thread, ids in sent.items():
                    times, answers = turns_of(stored.get(thread, []))
                    found["lost"] += [i for i in ids if not answers[i]]
                    found["doubled"] += [i for i in ids if times[i] > 1 or answers[i] > 1]
                    if list(times) != sorted(times):
                        found["out of order"].append(thread)
                return found
            """,
            """
            def answer(sent, stored):  # looks in all threads
                found = {"lost": [], "doubled": [], "out of order": []}
                times, answers = turns_of([m for each in stored.values() for m in each])
                for thread, ids in sent.items():
                    found["lost"] += [i for i in ids if not answers[i]]
                    found["doubled"] += [i for i in ids if times[i] > 1 or answers[i] > 1]
                    if [i for i in times if i in ids] != [i for i in ids if i in times]:
                        found["out of order"].append(thread)
                return found
            """,
            """
            def answer(sent, stored):  # only threads that are stored
                found = {"lost": [], "doubled": [], "out of order": []}
                for thread, messages in stored.items():
                    ids = sent[thread]
                    times, answers = turns_of(messages)
                    found["lost"] += [i for i in ids if not answers[i]]
                    found["doubled"] += [i for i in ids if times[i] > 1 or answers[i] > 1]
                    if [i for i in times if i in ids] != [i for i in ids if i in times]:
                        found["out of order"].append(thread)
                return found
            """,
            """
            def answer(sent, stored):  # a call of a tool is an answer
                found = {"lost": [], "doubled": [], "out of order": []}
                for thread, ids in sent.items():
                    times, answers, last = Counter(), Counter(), None
                    for m in stored.get(thread, []):
                        last = m.id if m.type == "human" else last
                        (times if m.type == "human" else answers)[last] += m.type != "tool"
                    found["lost"] += [i for i in ids if not answers[i]]
                    found["doubled"] += [i for i in ids if times[i] > 1 or answers[i] > 1]
                    if [i for i in times if i in ids] != [i for i in ids if i in times]:
                        found["out of order"].append(thread)
                return found
            """,
            """
            def answer(sent, stored):  # counts, and does not name
                times, answers = turns_of([m for each in stored.values() for m in each])
                ids = [i for each in sent.values() for i in each]
                lost = sum(not answers[i] for i in ids)
                doubled = sum(times.values()) - len(times)
                return {"lost": lost, "doubled": doubled, "out of order": 0}
            """,
            """
            def answer(sent, stored):  # a list, and no dictionary
                return []
            """,
        ),
    ),
    5: Answers(
        right=(
            """
            def answer(spans):
                seconds = defaultdict(float)
                for span in spans:
                    children = [c for c in spans if c.parent_id == span.span_id]
                    seconds[span.name] += span.seconds - covered(span, children) / 1e9
                return seconds
            """,
            """
            def answer(spans):
                taken = {span.name: 0 for span in spans}
                for span in spans:
                    free = [(span.start_ns, span.end_ns)]
                    for child in spans:
                        if child.parent_id == span.span_id:
                            parts = []
                            for start, end in free:
                                parts += [(start, min(end, child.start_ns))]
                                parts += [(max(start, child.end_ns), end)]
                            free = [(start, end) for start, end in parts if start < end]
                    taken[span.name] += sum(end - start for start, end in free)
                return {name: nanoseconds / 1_000_000_000 for name, nanoseconds in taken.items()}
            """,
            """
            async def answer(spans):
                found = {}
                for span in sorted(spans, key=lambda each: each.name):
                    inside = sorted(
                        (max(c.start_ns, span.start_ns), min(c.end_ns, span.end_ns))
                        for c in spans
                        if c.parent_id == span.span_id
                    )
                    own, until = span.end_ns - span.start_ns, span.start_ns
                    for start, end in inside:
                        own -= max(0, end - max(start, until))
                        until = max(until, end)
                    found[span.name] = found.get(span.name, 0) + own / 1e9
                return found
            """,
        ),
        wrong=(
            """
            def answer(spans):  # with the children
                seconds = Counter()
                for span in spans:
                    seconds[span.name] += span.seconds
                return seconds
            """,
            """
            def answer(spans):  # counts overlaps twice
                seconds = defaultdict(float)
                for span in spans:
                    children = [c for c in spans if c.parent_id == span.span_id]
                    seconds[span.name] += span.seconds - sum(c.seconds for c in children)
                return seconds
            """,
            """
            def answer(spans):  # the last span of a name
                seconds = {}
                for span in spans:
                    children = [c for c in spans if c.parent_id == span.span_id]
                    seconds[span.name] = span.seconds - covered(span, children) / 1e9
                return seconds
            """,
            """
            def answer(spans):  # from the first begin to the last end of the children
                seconds = defaultdict(float)
                for span in spans:
                    children = [c for c in spans if c.parent_id == span.span_id]
                    seconds[span.name] += span.seconds
                    if children:
                        start = max(span.start_ns, min(c.start_ns for c in children))
                        end = min(span.end_ns, max(c.end_ns for c in children))
                        seconds[span.name] -= (end - start) / 1e9
                return seconds
            """,
            """
            def answer(spans):  # everything else that runs meanwhile
                seconds = defaultdict(float)
                for span in spans:
                    others = [c for c in spans if c is not span]
                    seconds[span.name] += span.seconds - covered(span, others) / 1e9
                return seconds
            """,
            """
            def answer(spans):  # children of children too
                def below(span):
                    found = [c for c in spans if c.parent_id == span.span_id]
                    return found + [each for c in found for each in below(c)]

                seconds = defaultdict(float)
                for span in spans:
                    seconds[span.name] += span.seconds - covered(span, below(span)) / 1e9
                return seconds
            """,
            """
            def answer(spans):  # nanoseconds
                taken = Counter()
                for span in spans:
                    children = [c for c in spans if c.parent_id == span.span_id]
                    taken[span.name] += span.end_ns - span.start_ns - covered(span, children)
                return taken
            """,
            """
            def answer(spans):  # without the spans that took no time
                seconds = defaultdict(float)
                for span in spans:
                    children = [c for c in spans if c.parent_id == span.span_id]
                    own = span.seconds - covered(span, children) / 1e9
                    if own:
                        seconds[span.name] += own
                return seconds
            """,
            """
            def answer(spans):  # by id, and not by name
                seconds = {}
                for span in spans:
                    children = [c for c in spans if c.parent_id == span.span_id]
                    seconds[span.span_id] = span.seconds - covered(span, children) / 1e9
                return seconds
            """,
        ),
    ),
}
