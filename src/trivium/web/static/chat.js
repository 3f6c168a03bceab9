// The chat page: puts its parts together, and knows what is under way.

import { Trouble, models, setToken, tools } from "./api.js";
import { Document } from "./document.js";
import { byId, button, copy, h } from "./dom.js";
import { listen } from "./keys.js";
import { Live } from "./live.js";
import { Settings } from "./settings.js";
import { Stages, isBase, stageOf } from "./stages.js";
import { keep, kept } from "./store.js";
import { Turns } from "./turns.js";

const NEAR = 160;

class Page {
  constructor() {
    this.field = byId("say");
    this.controller = null;
    this.live = new Live(byId("live"));
    this.settings = new Settings(byId("settings"));
    this.stages = new Stages(byId("stages"), byId("about"));
    Object.defineProperty(this.stages, "stage", { get: () => stageOf(this.stages.current) });
    this.turns = new Turns(byId("turns"), this);
    this.document = new Document(byId("turns"), this);
    this.talk = null;
    this.stages.changed = () => this.turn();
    this.settings.changed = (name) => { if (name === "as") this.turn(); if (name === "markup" && !this.busy) this.talk?.draw(); };
    this.wire();
  }

  get toolHint() {
    const names = this.settings.tools.map((tool) => `/${tool.function.name} …`);
    return names.length ? ` ${names.join(" or ")} calls a tool.` : "";
  }

  get busy() { return this.controller !== null; }
  get documents() { return isBase(this.stages.current) || this.settings.get("as") === "document"; }

  /** Ask the server what it has. */
  async begin() {
    try {
      const offered = await models();
      if (!offered.length) throw new Trouble("This server offers no models. Start it on a run that has some.");
      this.settings.know(await tools());
      const { turns, segments } = kept();
      this.turns.turns = turns;
      this.document.segments = segments;
      this.stages.offer(offered);
      this.field.focus();
    } catch (error) {
      if (error.status === 401) { byId("token").showModal(); return; }
      const again = button("Try again", () => this.begin());
      byId("turns").replaceChildren(h("li", { class: "turn" }, h("p", { class: "trouble", role: "alert" }, error.message), again));
    }
  }

  /** Show the conversation or the document, as the model can. */
  turn() {
    const documents = this.documents;
    const next = documents ? this.document : this.turns;
    if (next !== this.talk && this.busy) this.stop();
    const words = documents
      ? ["Text of the document", "Begin a document, or add to it", "Continue", "New document", "Enter lets the model continue, Shift+Enter begins a new line, Escape stops."]
      : ["Message", "Say something", "Send", "New chat", `Enter sends, Shift+Enter begins a new line, Escape stops.${this.toolHint}`];
    byId("say-label").textContent = words[0];
    this.field.placeholder = words[1];
    byId("send").textContent = words[2];
    byId("new").textContent = words[3];
    byId("hint").textContent = words[4];
    for (const row of byId("settings").querySelectorAll("[data-chat]")) row.hidden = documents;
    const as = byId("set-as");
    as.disabled = isBase(this.stages.current);
    as.value = documents ? "document" : "chat";
    byId("composer").dataset.stage = this.stages.stage;
    if (next !== this.talk) {
      this.talk = next;
      this.stale = this.busy;
      if (!this.busy) this.talk.draw();
    }
  }

  /** Do a piece of work that a signal can end; one at a time. */
  async run(work) {
    this.controller = new AbortController();
    const own = this.controller;
    this.show();
    try {
      await work(own.signal);
      this.live.say("The answer is complete.");
    } catch (error) {
      if (error.status === 401) byId("token").showModal();
      else if (error.name === "AbortError") this.live.say("Stopped.");
      else if (!(error instanceof Trouble)) throw error;
    } finally {
      if (this.controller === own) this.controller = null;
      if (this.stale && !this.busy) { this.stale = false; this.talk.draw(); }
      this.show();
      this.changed();
      this.grew();
    }
  }

  /** Which of Send and Stop is there; the focus goes along. */
  show() {
    const stop = byId("stop");
    const had = document.activeElement === stop;
    byId("send").hidden = this.busy;
    stop.hidden = !this.busy;
    if (had && !this.busy) this.focus();
    byId("turns").setAttribute("aria-busy", String(this.busy));
  }

  changed() { keep(this.turns.turns.filter((turn) => !turn.running), this.document.segments); }
  stop() { this.controller?.abort(); }
  focus() { this.field.focus(); }

  /** Something grew: stay at the end for who is there. */
  grew() {
    const root = document.documentElement;
    if (this.near) window.scrollTo({ top: root.scrollHeight, behavior: "instant" });
  }

  send() {
    if (this.busy) { this.live.say("An answer is under way. Escape stops it."); return; }
    const text = this.field.value;
    if (!this.stages.current || (!text.trim() && this.talk === this.turns)) return;
    this.field.value = "";
    this.fit();
    this.near = true;
    this.talk.say(text);
  }

  fresh() {
    this.stop();
    this.talk?.clear();
    this.changed();
    this.focus();
    this.live.say(this.documents ? "A new document." : "A new chat.");
  }

  again() { if (!this.busy) this.talk?.again(); }
  async copyLast() { this.live.say((await copy(this.talk?.lastText ?? "")) ? "Copied." : "It could not be copied."); }

  fold(open = byId("settings").hidden) {
    byId("settings").hidden = !open;
    byId("settings-button").setAttribute("aria-expanded", String(open));
    if (open) byId("settings").querySelector(".row:not([hidden]) :is(textarea, input, select)").focus();
    else byId("settings-button").focus();
  }

  /** The field is as high as its text. */
  fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, window.innerHeight * 0.4)}px`;
  }

  wire() {
    this.near = true;
    window.addEventListener("scroll", () => {
      const root = document.documentElement;
      this.near = root.scrollHeight - window.scrollY - window.innerHeight < NEAR;
    }, { passive: true });
    byId("composer").addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    this.field.addEventListener("input", () => this.fit());
    this.field.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); this.send(); }
      if (event.key === "ArrowUp" && !this.field.value && !this.busy) { event.preventDefault(); this.talk?.editLast(); }
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
      if (this.busy) this.stop();
      else if (byId("settings").contains(document.activeElement)) this.fold(false);
    });
    byId("stop").addEventListener("click", () => this.stop());
    byId("new").addEventListener("click", () => this.fresh());
    byId("settings-button").addEventListener("click", () => this.fold());
    byId("keys-button").addEventListener("click", () => byId("keys").showModal());
    byId("token").addEventListener("close", () => { setToken(byId("token-field").value.trim()); byId("token-field").value = ""; this.begin(); });
    listen(byId("keys"), byId("keys-list"), {
      KeyN: { said: "a new chat, or document", act: () => this.fresh() },
      KeyR: { said: "ask again", act: () => this.again() },
      KeyC: { said: "copy the last answer", act: () => this.copyLast() },
      KeyM: { said: "choose who answers; then the arrow keys", act: () => this.stages.focus() },
      KeyW: { said: "to the field to write in", act: () => this.focus() },
      KeyS: { said: "settings, open or shut", act: () => this.fold() },
      KeyK: { said: "this list", act: () => byId("keys").showModal() },
    }, [["Enter", "send"], ["Shift+Enter", "a new line"], ["Escape", "stop; leave an edit; shut the settings"], ["↑", "edit the last message, from the empty field"]]);
  }
}

new Page().begin();
