// One search as numbered messages between hosts: with an empty cache, and again
// with what the first search taught.
import { h, say, t } from "../shell/shell.js";
import { picture } from "./picture.js";
import { shown } from "./tree.js";

export class Walk {
  constructor(box) {
    Object.assign(this, { box, pictures: [], which: 0, upto: 0, onpath() {}, onmessage() {}, onvia() {} });
    this.via = h("input", { type: "checkbox", onchange: () => this.onvia() });
    this.detour = h("label", { title: t("dns.walk.via.title"), hidden: true }, this.via, t("dns.walk.via"));
    this.choice = h("span", { class: "row-of" });
    this.took = h("span", { class: "soft" });
    this.gist = h("p", { class: "gist" });
    this.figure = h("div", { class: "figure" });
    this.rest = h("div");
    const move = (key, text, by) => h("button", { "aria-label": t(key), title: t(key), text, onclick: () => this.step(by) });
    this.all = h("div", { hidden: true }, h("div", { class: "row-of" }, this.choice, move("dns.key.back", "◀", -1), move("dns.key.forward", "▶", 1), this.took, this.detour), this.gist, this.figure, this.rest);
    box.append(this.all);
    new ResizeObserver(() => this.paint()).observe(box);
  }

  // draw shows the pictures of a search: q is what was asked for.
  draw(pictures, q) {
    Object.assign(this, { pictures, q });
    this.all.hidden = false;
    this.detour.hidden = !lies(q.name);
    this.gist.textContent = t(q.viaUmass ? "dns.walk.detour" : q.recursive ? "dns.walk.recursive" : "dns.walk.iterated");
    this.choice.replaceChildren(...pictures.map((one, i) => h("button", { text: t(i ? "dns.walk.cached" : "dns.walk.cold", { n: one.messages }), onclick: () => this.choose(i) })));
    this.choose(0);
    say(t("dns.walk.done", { name: q.name, n: pictures[0].messages }));
  }

  // detours tells whether a search for a name shall take the longer way.
  detours(name) { return this.via.checked && lies(name); }

  choose(which) {
    this.which = which;
    this.upto = this.pictures[which].arrows.length;
    this.render();
  }

  // step goes through the search message by message.
  step(by) {
    if (!this.pictures.length) return;
    const most = this.pictures[this.which].arrows.length;
    this.upto = by > 0 && this.upto === most ? 1 : Math.max(1, Math.min(most, this.upto + by));
    this.render();
    const a = this.pictures[this.which].arrows[this.upto - 1];
    say(a.to ? t("dns.walk.step", { n: a.number, from: a.from, to: a.to, text: a.text }) : t("dns.walk.knows", { name: a.from }));
  }

  render() {
    const p = this.pictures[this.which];
    const arrows = p.arrows.slice(0, this.upto);
    const path = new Map();
    for (const a of arrows) if (a.number && !a.reply) path.set(a.to, [...(path.get(a.to) ?? []), a.number]);
    this.onpath(path, p.arrows[0].text.split(" ")[0]);
    [...this.choice.children].forEach((b, i) => b.setAttribute("aria-pressed", String(i === this.which)));
    this.took.textContent = t("dns.walk.took", { ms: (p.took / 1e6).toFixed(2) });
    this.rest.replaceChildren(this.list(arrows), p.error ? h("p", { class: "error", text: p.error })
      : h("p", { class: "answer" }, h("b", { text: t("dns.answer") + " " }), ...p.answer.flatMap((a) => [h("code", { text: a.replaceAll("\t", " ") }), h("br")])));
    this.paint();
  }

  paint() {
    const room = this.figure.clientWidth, p = this.pictures[this.which];
    if (p && room) this.figure.replaceChildren(picture(p.arrows, this.upto, room));
  }

  list(arrows) {
    return h("ol", { class: "arrows", "aria-label": t("dns.walk.list") }, ...arrows.map((a) => {
      const asked = !a.reply && a.to && a.depth ? a.text.split(" ") : null;
      return h("li", { class: `depth-${Math.min(a.depth, 4)} ${a.reply ? "reply" : "query"}` },
        h("span", { class: "number", text: a.number || "●" }),
        h("span", { class: "ends", text: a.to ? `${a.from} → ${a.to}` : t("dns.walk.knows", { name: a.from }) }),
        h("code", { text: a.text.split(" ").map((w) => w.startsWith("xn--") ? shown(w) : w).join(" ") }),
        asked ? h("button", { class: "small", text: t("dns.walk.dissect"), "aria-label": t("dns.walk.dissect.n", { n: a.number, server: a.to }), onclick: () => this.onmessage(a.to, asked[0], asked[1], this.q) }) : null);
    }));
  }
}

// lies tells whether a name is below umass.edu, to which there are two ways.
const lies = (name) => /(^|\.)umass\.edu\.?$/i.test(name.trim());
