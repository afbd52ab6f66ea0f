// What each node of a run does, as a list that grows beside the word "working".

export function stepList(status, words) {
  const list = document.createElement("ol");
  list.className = "steps";
  const begun = new Map();
  status.textContent = `${words.working} `;
  status.append(list);
  return ({ node, state }) => {
    const item = begun.get(node) ?? document.createElement("li");
    item.textContent = node;
    item.className = state;
    list.append(item);
    if (state === "running") begun.set(node, item);
    else begun.delete(node);
  };
}
