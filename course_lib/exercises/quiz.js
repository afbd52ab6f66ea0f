// The view of QuizView: a fieldset with radio buttons for each question. All texts become text
// nodes; a part between backticks becomes a code element.

const SECONDS = 10; // until a kernel that does not answer is reported

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function withCode(text) {
  return text.split("`").map((part, n) => (n % 2 ? element("code", "", part) : part));
}

function question(model, number, data, group) {
  const status = element("p", "namu-quiz-status");
  status.setAttribute("role", "status");
  const button = element("button", "namu-quiz-check", "Check");
  button.type = "submit";
  button.disabled = true;
  const whys = [];
  const radios = data.options.map((text, n) => {
    const radio = element("input");
    Object.assign(radio, { type: "radio", name: group, value: String(n), id: `${group}-${n}` });
    radio.addEventListener("change", () => (button.disabled = false));
    return radio;
  });
  const rows = radios.map((radio, n) => {
    const label = element("label", "", ...withCode(data.options[n]));
    label.htmlFor = radio.id;
    const why = element("p", "namu-quiz-why");
    why.id = `${radio.id}-why`;
    whys.push(why);
    return element("div", "namu-quiz-option", radio, element("div", "", label, why));
  });
  const legend = element("legend", "", `${number}. `, ...withCode(data.text));
  const form = element("form", "namu-quiz-question");
  form.append(element("fieldset", "", legend, ...rows), button, status);

  let waiting = 0;
  let seen = 0; // a choice that is not sent yet stays when another question is judged
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = radios.findIndex((radio) => radio.checked);
    if (chosen < 0) return;
    status.textContent = "";
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      status.textContent = "No answer from the kernel yet. If this stays, run the cell again.";
    }, 1000 * SECONDS);
    model.send({ question: number, option: chosen });
  });
  // A radio button does not submit by Enter in every browser.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.type === "radio") {
      event.preventDefault();
      if (!button.disabled) form.requestSubmit();
    }
  });

  function show() {
    const judgement = model.get("judgements")[number];
    const solved = model.get("solved").includes(number);
    if (!judgement) {
      status.textContent = solved ? "You have answered this question before." : "";
      return;
    }
    if (judgement.count === seen) return;
    seen = judgement.count;
    clearTimeout(waiting);
    radios[judgement.chosen].checked = true;
    button.disabled = false;
    judgement.options.forEach((option, n) => {
      const mark = element("b", "namu-quiz-mark", option.right ? "✓ Right" : "✗ Wrong");
      mark.dataset.right = String(option.right);
      whys[n].replaceChildren(mark, " ", ...withCode(option.why));
      radios[n].setAttribute("aria-describedby", whys[n].id);
    });
    status.textContent = judgement.right ? "Right." : "Not yet. You can choose again.";
  }
  return { form, show, end: () => clearTimeout(waiting) };
}

function render({ model, el }) {
  const name = `namu-quiz-${Math.random().toString(36).slice(2)}`; // several may be on a page
  const data = model.get("questions");
  const questions = data.map((each, n) => question(model, n + 1, each, `${name}-${n + 1}`));
  const counted = element("p", "namu-quiz-count");
  counted.setAttribute("role", "status");
  const root = element("section", "namu-quiz", ...questions.map((each) => each.form), counted);
  root.setAttribute("aria-label", "Quiz");
  // JupyterLab's own shortcuts would take the arrow keys.
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  root.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(root);

  function show() {
    questions.forEach((each) => each.show());
    const trouble = model.get("trouble");
    const count = `${model.get("solved").length} of ${data.length} answered right.`;
    counted.textContent = trouble ? `${count} ${trouble}` : count;
  }

  const names = "change:judgements change:solved change:trouble";
  model.on(names, show);
  show();
  return () => {
    model.off(names, show);
    questions.forEach((each) => each.end());
  };
}

export default { render };
