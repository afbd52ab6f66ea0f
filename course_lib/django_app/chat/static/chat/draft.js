// A text that was not sent when somebody was signed out. It is kept until this tab is closed, and only
// the person who wrote it gets it back.

const NAME = "draft";
const whose = () => document.getElementById("person").textContent;

export function keepDraft(...texts) {
  const text = texts.filter(Boolean).join("\n");
  if (text) sessionStorage.setItem(NAME, JSON.stringify({ text, whose: whose() }));
}

/** The text that was kept for this person; "" for anybody else. It is given once. */
export function takeDraft() {
  const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
  sessionStorage.removeItem(NAME);
  return kept !== null && kept.whose === whose() ? kept.text : "";
}
