// The list of a person's conversations.
import { button, el } from "./page.js";

/** Show the list; `open(id)` and `remove(entry)` are called by its buttons. */
export function showThreads(threads, current, open, remove) {
  el("threads").replaceChildren(
    ...threads.map((each) => {
      const row = document.createElement("li");
      const name = button(each.title, () => open(each.id));
      name.title = each.title;
      name.setAttribute("aria-current", String(each.id === current));
      const cross = button("×", () => remove(each));
      cross.setAttribute("aria-label", `Delete ${each.title}`);
      row.append(name, cross);
      return row;
    }),
  );
}
