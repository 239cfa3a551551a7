// Master text with the numbers of its lines beside it, and a mark at each line that a
// finding is about.
import { h, t } from "../shell/shell.js";

export class Editor {
  constructor(ontyped) {
    this.marks = new Map(); // line → finding
    this.area = h("textarea", { class: "master", "aria-label": t("dns.zone.text"), "aria-describedby": "zone-findings", spellcheck: "false", wrap: "off", rows: 18, oninput: () => { this.number(); ontyped(); }, onscroll: () => { this.numbers.scrollTop = this.area.scrollTop; } });
    this.numbers = h("div", { class: "numbers", "aria-hidden": "true" });
    this.at = h("div", { class: "editor" }, this.numbers, this.area);
  }

  get text() { return this.area.value; }

  set text(value) {
    this.area.value = value;
    this.mark([]);
  }

  // mark shows findings {line, text, bad} at their lines; those without line are left
  // to the list below.
  mark(findings) {
    this.marks = new Map(findings.filter((f) => f.line).map((f) => [f.line, f]));
    this.number();
  }

  number() {
    const lines = this.text.split("\n");
    this.numbers.replaceChildren(...lines.map((_, i) => {
      const f = this.marks.get(i + 1);
      return h("div", { class: f ? (f.bad ? "bad" : "doubt") : null, title: f?.text, text: `${f ? (f.bad ? "✕ " : "⚠ ") : ""}${i + 1}` });
    }));
    this.numbers.scrollTop = this.area.scrollTop;
  }

  goto(line) {
    const lines = this.text.split("\n"), from = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    this.area.focus();
    this.area.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
    const height = this.area.scrollHeight / Math.max(lines.length, 1);
    this.area.scrollTop = Math.max(0, height * (line - 4));
  }
}
