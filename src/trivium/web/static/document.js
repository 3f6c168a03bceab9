// A document that a model continues: what a base model can do, which knows no conversation.

import { stream } from "./api.js";
import { button, copyButton, h } from "./dom.js";
import { Clock, figures } from "./figures.js";

const LONGEST = 128;

export class Document {
  /** `page` as in turns.js. */
  constructor(list, page) {
    Object.assign(this, { list, page, segments: [], told: "", trouble: "", held: 0 });
  }

  get text() { return this.segments.map((segment) => segment.text).join(""); }
  get lastText() { return this.text; }

  restore(segments) {
    Object.assign(this, { segments, told: "", trouble: "", held: 0 });
    this.draw();
  }

  clear() { this.restore([]); }

  /** More text of the user, which may be none, and then the model's. */
  say(text) {
    if (text) {
      this.segments.push({ by: "", text });
      this.held = 0;
    }
    return this.segments.length ? this.go() : Promise.resolve();
  }

  /** Another continuation in the place of the last one. */
  again() {
    if (this.segments.at(-1)?.by) {
      this.segments.pop();
      this.held = 0;
    }
    return this.segments.length ? this.go() : Promise.resolve();
  }

  draw() {
    if (!this.segments.length) { this.list.replaceChildren(); return; }
    const spans = this.segments.map(({ by, stage, text }) => h("span", { class: by ? "theirs" : null, "data-stage": by ? stage : null, title: by ? `written by ${by}` : null }, text));
    this.paper = h("p", { class: "asis paper", dir: "auto" }, spans);
    this.end = h("div", { class: "end" });
    this.list.replaceChildren(h("li", { class: "turn document" }, h("article", { "aria-label": "Document" }, this.paper, this.end)));
    if (!this.running) this.finish();
  }

  finish() {
    const acts = h("div", { class: "acts stay" }, button("Continue", () => this.say("")));
    if (this.segments.at(-1)?.by) acts.append(button("Ask again", () => this.again()));
    acts.append(button("Edit", () => this.edit()), copyButton(() => this.text));
    const trouble = this.trouble ? h("p", { class: "trouble", role: "alert" }, this.trouble) : null;
    this.end.replaceChildren(...[trouble, this.told ? h("p", { class: "figures" }, this.told) : null, acts].filter(Boolean));
  }

  edit() {
    if (this.page.busy) return;
    const field = h("textarea", { "aria-label": "The document, to be changed", rows: Math.min(24, this.text.split("\n").length + 4), value: this.text });
    const back = () => { this.draw(); this.page.focus(); };
    const keep = (go) => {
      this.restore(field.value ? [{ by: "", text: field.value }] : []);
      this.page.changed();
      this.page.focus();
      if (go) this.say("");
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); back(); }
      if (event.key === "Enter" && event.ctrlKey) { event.preventDefault(); keep(true); }
    });
    this.list.replaceChildren(h("li", { class: "turn document" }, h("article", { "aria-label": "Document" }, field,
      h("div", { class: "acts stay" }, button("Continue from here", () => keep(true), { class: "strong" }), button("Keep", () => keep(false)), button("Leave as it was", back)))));
    field.focus();
  }

  editLast() { if (this.segments.length) this.edit(); }

  go() {
    const { stages, settings, live } = this.page;
    const model = stages.current;
    const prompt = this.text;
    const segment = { by: model.id, stage: stages.stage, text: "" };
    Object.assign(this, { running: true, trouble: "", told: "" });
    this.segments.push(segment);
    this.draw();
    const span = this.paper.lastChild;
    this.page.changed();
    live.begin(`${model.id} continues`);
    return this.page.run(async (signal) => {
      const clock = new Clock();
      let usage = null, finish = null, timer = 0, over = false;
      const show = () => { timer = 0; span.textContent = segment.text; live.hear(segment.text); this.page.grew(); };
      span.classList.add("now");
      try {
        for await (const chunk of stream("/v1/completions", this.body(model, prompt), signal)) {
          usage = chunk.usage ?? usage;
          const choice = chunk.choices[0];
          if (!choice) continue;
          finish = choice.finish_reason ?? finish;
          segment.text += choice.text;
          if (choice.text) clock.tick();
          timer ||= setTimeout(show, 40);
        }
        over = true;
      } catch (error) {
        this.trouble = error.name === "AbortError" ? "" : error.message;
        throw error;
      } finally {
        clearTimeout(timer);
        show();
        live.hear(segment.text, true);
        span.classList.remove("now");
        this.running = false;
        if (!this.segments.includes(segment)) return; // a new document was begun meanwhile
        if (!segment.text) this.segments.pop();
        this.held = usage ? usage.total_tokens : 0;
        this.told = clock.chunks || usage ? figures(clock, usage, finish, !over) : "";
        if (over && finish === "stop") this.told += " · the document ends here";
        this.finish();
      }
    });
  }

  /** The request. Where nothing was added since the last answer, its count says how much room there is. */
  body(model, prompt) {
    const body = { model: model.id, prompt, max_tokens: LONGEST, ...this.page.settings.sampling() };
    if (this.held && this.held < model.max_model_len) body.max_tokens = Math.min(body.max_tokens, model.max_model_len - this.held);
    return body;
  }
}
