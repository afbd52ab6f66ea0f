// Things that an answer speaks of, as cards: what they are, and what can be said about each.

const PRICE_LEVELS = 3;

function cardsEntry(entry, send) {
  const item = element("div", "namu-entry namu-cards");
  item.setAttribute("role", "list");
  item.setAttribute("aria-label", entry.label || "Cards");
  entry.cards.forEach((card, n) => item.append(oneCard(card, n + 1, send)));
  return item;
}

function oneCard(card, number, send) {
  const made = element("div", "namu-card");
  made.setAttribute("role", "listitem");
  const head = element("div", "namu-card-head");
  head.append(element("span", "namu-pin", String(number)), element("strong", "", card.title));
  made.append(head);
  if (card.subtitle) made.append(element("div", "namu-card-subtitle", card.subtitle));
  const facts = element("div", "namu-card-facts");
  for (const fact of card.facts) facts.append(element("span", "", fact));
  if (card.price !== null) facts.append(priceDots(card.price));
  if (facts.children.length) made.append(facts);
  if (card.text) made.append(element("div", "namu-card-text", card.text));
  const bar = element("div", "namu-actions");
  for (const [label, message] of card.actions) {
    bar.append(
      button("namu-action", label, `${label}: ${card.title}`, () => send({ kind: "send", text: message })),
    );
  }
  made.append(bar);
  return made;
}

function priceDots(level) {
  const dots = element("span", "namu-price", "\u25cf".repeat(level) + "\u25cb".repeat(PRICE_LEVELS - level));
  dots.setAttribute("role", "img");
  dots.setAttribute("aria-label", `price ${level} of ${PRICE_LEVELS}`);
  return dots;
}
