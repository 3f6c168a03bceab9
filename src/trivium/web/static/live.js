// For those who listen: answers are told a sentence at a time, politely, and not token by token.

const SENTENCE = /[\s\S]*?(?:[.!?…:]["')\]]*\s|\n)/g;
const KEPT = 6;

export class Live {
  constructor(region) {
    this.region = region;
    this.told = 0;
  }

  say(words) {
    const line = document.createElement("p");
    line.textContent = words;
    this.region.append(line);
    while (this.region.children.length > KEPT) this.region.firstChild.remove();
  }

  /** A new answer begins. */
  begin(words) {
    this.told = 0;
    this.say(words);
  }

  /** An answer's whole text so far: what is new of whole sentences is said; all of it at the end. */
  hear(text, end = false) {
    const rest = text.slice(this.told);
    const whole = end ? rest : (rest.match(SENTENCE) ?? []).join("");
    this.told += whole.length;
    if (whole.trim()) this.say(whole.trim());
  }
}
