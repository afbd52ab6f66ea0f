"""Chapter 17, Spend less."""

from answers import Answers

CHAPTER = "17"

SETUP = """
import json

RIGHT = {
    "the same request": True,
    "another tenant": False,
    "no tenant, both times": False,
    "another message id": True,
    "a longer history": False,
    "another prompt version": False,
    "small was busy, then small": False,
    "small was busy, then large": True,
}


def cost_of(bill, prices):
    return sum(count * prices[size] for size, count in bill["tokens"].items())
"""

ANSWERS = {
    1: Answers(
        right=(
            "RIGHT",
            "dict(reversed(RIGHT.items()))",
            "{**RIGHT, 'one case more': True}",
            "{case: int(said) for case, said in RIGHT.items()}",
        ),
        wrong=(
            "dict.fromkeys(RIGHT, True)",
            "dict.fromkeys(RIGHT, False)",
            "{**RIGHT, 'another tenant': True}",
            "{**RIGHT, 'no tenant, both times': True}",
            "{**RIGHT, 'another message id': False}",
            "{**RIGHT, 'a longer history': True}",
            "{**RIGHT, 'small was busy, then small': True}",
            "{**RIGHT, 'small was busy, then large': False}",
            "{'the same request': True}",
            "list(RIGHT.values())",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(bills, prices):
                best = "plain"
                for name, bill in bills.items():
                    if bill["right"] < bills["plain"]["right"]:
                        continue
                    cost, least = cost_of(bill, prices), cost_of(bills[best], prices)
                    more = bill["right"] > bills[best]["right"]
                    if cost < least or (cost == least and more):
                        best = name
                return best
            """,
            """
            def answer(bills, prices):
                least = bills["plain"]["right"]
                order = sorted(bills, key=lambda name: -bills[name]["right"])
                order.sort(key=lambda name: cost_of(bills[name], prices))
                return next(name for name in order if bills[name]["right"] >= least)
            """,
            """
            async def answer(bills, prices):
                rows = [
                    (cost_of(bill, prices), -bill["right"], name)
                    for name, bill in bills.items()
                    if not bill["right"] < bills["plain"]["right"]
                ]
                return min(rows)[2]
            """,
        ),
        wrong=(
            """
            def answer(bills, prices):  # looks at the cost only
                return min(bills, key=lambda name: cost_of(bills[name], prices))
            """,
            """
            def answer(bills, prices):  # counts tokens, whatever they cost
                good = [n for n in bills if bills[n]["right"] >= bills["plain"]["right"]]
                return min(good, key=lambda name: sum(bills[name]["tokens"].values()))
            """,
            """
            def answer(bills, prices):  # wants exactly as many right turns
                good = [n for n in bills if bills[n]["right"] == bills["plain"]["right"]]
                return min(good, key=lambda name: (cost_of(bills[name], prices), name))
            """,
            """
            def answer(bills, prices):  # the first of two at the same cost
                good = [n for n in bills if bills[n]["right"] >= bills["plain"]["right"]]
                return min(good, key=lambda name: cost_of(bills[name], prices))
            """,
            """
            def answer(bills, prices):  # plain is no way of its own
                least = bills["plain"]["right"]
                good = [n for n in bills if n != "plain" and bills[n]["right"] >= least]
                return min(good, key=lambda n: (cost_of(bills[n], prices), -bills[n]["right"]))
            """,
            """
            def answer(bills, prices):  # the best one, whatever it costs
                return max(bills, key=lambda n: (bills[n]["right"], -cost_of(bills[n], prices)))
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            def answer(tenant, model, version, messages):
                said = [[message.type, message.text] for message in messages]
                return json.dumps([tenant, model, version, said])
            """,
            """
            def answer(tenant, model, version, messages):
                parts = [tenant, model, version]
                for message in messages:
                    parts += [type(message).__name__, message.content]
                return tuple(parts)
            """,
            """
            async def answer(tenant, model, version, messages):
                import hashlib

                sent = repr((tenant, model, version, [(m.type, m.content) for m in messages]))
                return hashlib.sha256(sent.encode()).hexdigest()
            """,
        ),
        wrong=(
            """
            def answer(tenant, model, version, messages):  # the last message only
                return tenant, model, version, messages[-1].text
            """,
            """
            def answer(tenant, model, version, messages):  # borders can move
                return tenant + model + version + "".join(m.type + m.text for m in messages)
            """,
            """
            def answer(tenant, model, version, messages):  # who wrote it is not in the key
                return tenant, model, version, tuple(message.text for message in messages)
            """,
            """
            def answer(tenant, model, version, messages):  # with the ids
                return tenant, model, version, repr(messages)
            """,
            """
            def answer(tenant, model, version, messages):  # the order is lost
                return tenant, model, version, frozenset((m.type, m.text) for m in messages)
            """,
            """
            def answer(tenant, model, version, messages):  # a list is no key
                return tenant, model, version, [(m.type, m.text) for m in messages]
            """,
            """
            def answer(tenant, model, version, messages):  # the tenant is missing
                return model, version, tuple((m.type, m.text) for m in messages)
            """,
            """
            def answer(tenant, model, version, messages):  # texts run into each other
                return tenant, model, version, "".join(message.text for message in messages)
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(models, text, show):
                error = ConnectionError("no models")
                for model in models:
                    try:
                        whole = "".join(model(text))
                    except ConnectionError as broken:
                        error = broken
                    else:
                        return show(whole)
                raise error
            """,
            """
            def answer(models, text, show):
                first, *others = models
                pieces = []
                try:
                    for piece in first(text):
                        pieces.append(piece)
                except ConnectionError:
                    if not others:
                        raise
                    return answer(others, text, show)
                for piece in pieces:
                    show(piece)
            """,
            """
            async def answer(models, text, show):
                found = None
                for model in models:
                    try:
                        found = [*model(text)]
                        break
                    except ConnectionError:
                        pass
                if found is None:
                    raise ConnectionError("all models failed")
                list(map(show, found))
            """,
        ),
        wrong=(
            """
            def answer(models, text, show):  # shows half an answer and a whole one
                for model in models:
                    try:
                        for piece in model(text):
                            show(piece)
                        return
                    except ConnectionError:
                        continue
                raise ConnectionError("no model")
            """,
            """
            def answer(models, text, show):  # asks another one for a wrong request
                for model in models:
                    try:
                        pieces = list(model(text))
                    except Exception:
                        continue
                    for piece in pieces:
                        show(piece)
                    return
                raise ConnectionError("no model")
            """,
            """
            def answer(models, text, show):  # is silent when every model fails
                for model in models:
                    try:
                        pieces = list(model(text))
                    except ConnectionError:
                        continue
                    for piece in pieces:
                        show(piece)
                    return
            """,
            """
            def answer(models, text, show):  # an empty answer is not taken
                for model in models:
                    try:
                        pieces = list(model(text))
                    except ConnectionError:
                        continue
                    if pieces:
                        for piece in pieces:
                            show(piece)
                        return
                raise ConnectionError("no model")
            """,
            """
            def answer(models, text, show):  # asks every model
                shown = False
                for model in models:
                    try:
                        pieces = list(model(text))
                    except ConnectionError:
                        continue
                    if not shown:
                        shown = True
                        for piece in pieces:
                            show(piece)
                if not shown:
                    raise ConnectionError("no model")
            """,
            """
            def answer(models, text, show):  # keeps the pieces of a broken answer
                pieces = []
                for model in models:
                    try:
                        for piece in model(text):
                            pieces.append(piece)
                    except ConnectionError:
                        continue
                    for piece in pieces:
                        show(piece)
                    return
                raise ConnectionError("no model")
            """,
            """
            def answer(models, text, show):  # the first model only
                for piece in list(models[0](text)):
                    show(piece)
            """,
        ),
    ),
}
