// The conversation on the page: what was said, by whom, and what can be done with it: copy, edit, ask again.

import { StepView } from "./answer.js";
import { CallView, asCall, perform } from "./calls.js";
import { button, copyButton, h } from "./dom.js";
import { Exchange } from "./exchange.js";

/** A turn of the user. */
const asked = (content) => ({ role: "user", content });

export class Turns {
  /** `page` has: stages, settings, live, run(work, what), changed(), focus(). */
  constructor(list, page) {
    Object.assign(this, { list, page, turns: [] });
  }

  restore(turns) {
    this.turns = turns;
    this.draw();
  }

  clear() { this.restore([]); }

  get lastText() { return textOf(this.turns.findLast((turn) => turn.role === "assistant")); }

  /** The user says something; an answer comes. `/tool …` calls a tool, and its result is part of what was said. */
  say(content) {
    const call = asCall(content, this.page.settings.tools);
    if (call) return this.use(call);
    this.turns.push(asked(content));
    return this.answer();
  }

  /** Answer anew what the last message of the user asks. */
  again() {
    const place = this.turns.findLastIndex((turn) => turn.role === "user");
    if (place < 0) return Promise.resolve();
    this.turns.length = place + 1;
    return this.answer();
  }

  use(call) {
    this.turns.push({ role: "tool", call });
    this.draw();
    const view = new CallView(call);
    this.list.lastElementChild.replaceWith(callRow(view));
    return this.page.run((signal) => perform(call, view, signal));
  }

  draw() {
    const rows = { user: (turn, place) => this.userRow(turn, place), tool: ({ call }) => callRow(new CallView(call)), assistant: (turn) => this.answerRow(turn).element };
    this.list.replaceChildren(...this.turns.map((turn, place) => rows[turn.role](turn, place)));
  }

  userRow(turn, place) {
    const text = h("p", { class: "asis", dir: "auto" }, turn.content);
    const acts = h("div", { class: "acts" }, button("Edit", () => this.edit(place)), copyButton(() => turn.content));
    return h("li", { class: "turn user" }, h("article", { "aria-label": "You" }, h("h3", { class: "who" }, "You"), text, acts));
  }

  answerRow(turn) {
    const steps = h("div", { class: "steps" });
    const end = h("div", { class: "end" });
    const element = h("li", { class: "turn answer", "data-stage": turn.stage }, h("article", { "aria-label": `Answer of ${turn.model}` },
      h("h3", { class: "who" }, turn.model), steps, end));
    for (const step of turn.steps) {
      const view = new StepView(step, this.page.settings.get("markup") === false);
      view.show();
      steps.append(view.element);
    }
    const finish = () => {
      const told = turn.steps.map((step) => step.figures).filter(Boolean);
      const acts = h("div", { class: "acts" }, textOf(turn) ? copyButton(() => textOf(turn)) : null);
      if (this.turns.at(-1) === turn) acts.append(button("Ask again", () => this.again()));
      const trouble = turn.trouble ? h("p", { class: "trouble", role: "alert" }, turn.trouble) : null;
      end.replaceChildren(...[trouble, ...told.map((line) => h("p", { class: "figures" }, line)), acts].filter(Boolean));
    };
    if (!turn.running) finish();
    return { element, steps, finish };
  }

  /** A message of the user becomes a field; what follows it goes once it is sent. */
  edit(place) {
    if (this.page.busy) return;
    const turn = this.turns[place];
    const row = this.list.children[place];
    const field = h("textarea", { "aria-label": "Your message, to be changed", rows: Math.min(12, turn.content.split("\n").length + 1), value: turn.content });
    const back = () => { this.draw(); this.page.focus(); };
    const send = () => {
      if (!field.value.trim() || this.page.busy) return;
      this.turns.length = place;
      this.page.focus();
      this.say(field.value);
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Escape") { event.stopPropagation(); back(); }
      if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); send(); }
    });
    const later = this.turns.length - place - 1;
    row.replaceChildren(h("article", { "aria-label": "You" }, h("h3", { class: "who" }, "You"), field,
      h("div", { class: "acts stay" }, button("Send", send, { class: "strong" }), button("Leave as it was", back)),
      later ? h("p", { class: "hint soft" }, "What was said after this message goes.") : null));
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  editLast() {
    const place = this.turns.findLastIndex((turn) => turn.role === "user");
    if (place >= 0) this.edit(place);
  }

  answer() {
    const { stages, settings, live } = this.page;
    const model = stages.current;
    const turn = { role: "assistant", model: model.id, stage: stages.stage, steps: [], running: true };
    this.turns.push(turn);
    this.draw();
    const row = this.answerRow(turn);
    this.list.lastElementChild.replaceWith(row.element);
    this.page.changed();
    const view = {
      add: (element) => { row.steps.append(element); this.page.grew(); },
      grew: (text) => { live.hear(text); this.page.grew(); },
      asks: (name) => live.say(`May ${model.id} call ${name}?`),
      heard: () => this.page.focus(),
    };
    live.begin(`${model.id} answers`);
    return this.page.run(async (signal) => {
      try {
        await new Exchange(this.turns, model, settings, view, signal).run();
      } catch (error) {
        turn.trouble = error.name === "AbortError" ? "" : error.message;
        throw error;
      } finally {
        delete turn.running;
        live.hear(turn.steps.map((step) => step.content).join("\n"), true);
        row.finish();
      }
    });
  }
}

function callRow(view) {
  view.show();
  return h("li", { class: "turn tool" }, h("article", { "aria-label": "Your call" }, h("h3", { class: "who" }, "You"), view.element));
}

const textOf = (turn) => (turn ? turn.steps.map((step) => step.content).filter(Boolean).join("\n\n") : "");
