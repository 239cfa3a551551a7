import { h, say, t } from "../shell/shell.js";
import { svg } from "./svg.js";

// The ladder: one rung for each line, arrow or decision. It is an ordered list;
// arrows repeat for the eye what its text says.
const list = document.getElementById("rungs");
const heads = document.getElementById("columns");
const order = { "user-agent": 0, "mail-server": 1, "local-name-server": 2, "name-server": 3 };

export class Ladder {
  constructor(chosen) {
    this.chosen = chosen; // called with a rung
    this.story = null;
    this.items = new Map(); // rung → li
    this.columns = [];
    this.at = null;
    this.following = true;
    list.addEventListener("click", (ev) => {
      const li = ev.target.closest("li.rung");
      if (li) this.select(li.rung, true);
    });
    new ResizeObserver(() => this.#reveal(this.items.get(this.at))).observe(list); // a held line takes room away
  }

  // show draws a story anew. It follows the newest rung, or selects that of a number.
  show(story, at = null) {
    this.story = story;
    this.items.clear();
    list.replaceChildren();
    this.columns = [];
    this.at = null;
    this.last = "";
    this.following = at === null;
    this.draw(story.rungs);
    if (at !== null) this.select(story.rungs.find((r) => r.n === at) ?? story.rungs[0], true);
  }

  // draw appends rungs, or refreshes those that have grown.
  draw(rungs) {
    if (rungs.length === 0) return;
    document.getElementById("empty").hidden = true;
    this.#widen(rungs);
    const batch = document.createDocumentFragment();
    let band = this.last;
    for (const r of rungs) {
      const old = this.items.get(r);
      if (old) {
        this.#refresh(r, old);
        continue;
      }
      const name = bandName(r, band);
      if (name !== band) batch.append(bandOf(r));
      band = name;
      const li = this.#item(r);
      this.items.set(r, li);
      batch.append(li);
    }
    this.last = band;
    list.append(batch);
    this.#trim();
    const newest = rungs.reduce((a, r) => (r.n > a.n ? r : a));
    if (this.following && newest.n >= (this.at?.n ?? 0)) this.select(newest, false);
    say(t("journey.say", { n: newest.n, from: newest.from, to: newest.to, text: words(newest) }));
  }

  // #refresh shows what has changed of a rung: its text, or who is at its ends.
  #refresh(r, old) {
    if (old.ends === endsOf(r)) {
      old.querySelector(".text").textContent = words(r);
      return;
    }
    const li = this.#item(r);
    old.replaceWith(li);
    this.items.set(r, li);
    if (this.at === r) this.#mark(r, true);
  }

  #trim() {
    while (list.childElementCount > 900) {
      const first = list.firstElementChild;
      if (first.rung) this.items.delete(first.rung);
      first.remove();
    }
  }

  #widen(rungs) {
    const fresh = new Set();
    const renamed = rungs.some((r) => this.items.has(r) && this.items.get(r).ends !== endsOf(r));
    if (renamed) this.#narrow();
    for (const r of rungs) for (const name of [r.from, r.to]) if (!this.columns.includes(name)) fresh.add(name);
    if (fresh.size === 0 && !renamed) return;
    this.columns.push(...fresh);
    const rank = (name) => order[this.story.roles.get(name)] ?? 1;
    if (this.columns.length <= 12) this.columns.sort((a, b) => rank(a) - rank(b)); // sort is stable
    heads.parentElement.style.setProperty("--hosts", this.columns.length);
    heads.replaceChildren(...this.columns.map((name) => h("span", { text: name, title: name })));
    for (const [r, li] of this.items) {
      li.querySelector("svg")?.replaceWith(this.#arrow(r));
      this.#indent(r, li);
    }
  }

  // #narrow leaves out the columns of those who have got another name.
  #narrow() {
    const used = new Set(this.story.rungs.flatMap((r) => [r.from, r.to]));
    this.columns = this.columns.filter((name) => used.has(name));
  }

  #item(r) {
    const own = r.from === r.to;
    const who = own ? r.from : t("journey.fromto", { from: r.from, to: r.to });
    const letter = own ? "*" : r.e.dir;
    const button = h("button", { class: "say", tabindex: "-1" },
      h("span", { class: "n", text: r.n }), h("span", { class: "letter", text: letter + (own ? "" : ":") }),
      h("span", { class: "text", text: words(r) }), h("span", { class: "who", text: who }));
    const li = h("li", { class: `rung ${kindOf(r)}`, value: r.n, dataset: { n: r.n, dir: letter, kind: r.e.kind } }, button);
    if (!own) li.append(this.#arrow(r));
    li.rung = r;
    li.ends = endsOf(r);
    this.#indent(r, li);
    return li;
  }

  // #indent puts the text above the left end of its arrow, while there is room.
  #indent(r, li) {
    const left = Math.min(this.columns.indexOf(r.from), this.columns.indexOf(r.to));
    li.style.setProperty("--at", Math.min((left + 0.5) / this.columns.length, 0.4).toFixed(3));
  }

  #arrow(r) {
    const n = this.columns.length, x = (name) => ((this.columns.indexOf(name) + 0.5) * 1000) / n;
    const a = x(r.from), b = x(r.to), way = Math.sign(b - a);
    const picture = svg("svg", { viewBox: "0 0 1000 16", preserveAspectRatio: "none", "aria-hidden": "true", class: "arrow" });
    picture.append(svg("line", { x1: a, x2: b, y1: 8, y2: 8, class: "shaft" }), svg("path", { d: `M${b} 8 l${-way * 14} -6 v12 z`, class: "head" }));
    return picture;
  }

  select(r, byHand) {
    if (!r) return;
    if (this.at) this.#mark(this.at, false);
    this.at = r;
    this.#mark(r, true);
    if (byHand) this.following = r === this.story.rungs[this.story.rungs.length - 1];
    const li = this.items.get(r);
    this.#reveal(li);
    this.chosen(r);
  }

  // #reveal keeps a rung in sight, and what comes after it where there is room.
  #reveal(li) {
    if (!li) return;
    if (this.following) {
      list.scrollTop = list.scrollHeight;
      return;
    }
    const top = li.offsetTop - list.offsetTop, room = list.clientHeight / 3;
    if (top < list.scrollTop) list.scrollTop = Math.max(0, top - room);
    else if (top + li.offsetHeight + room > list.scrollTop + list.clientHeight) list.scrollTop = top + li.offsetHeight + room - list.clientHeight;
  }

  #mark(r, on) {
    const button = this.items.get(r)?.querySelector("button");
    if (!button) return;
    button.tabIndex = on ? 0 : -1;
    on ? button.setAttribute("aria-current", "step") : button.removeAttribute("aria-current");
  }

  // move selects another rung, by some places.
  move(by) {
    const all = this.story?.rungs ?? [];
    const now = all.indexOf(this.at);
    const next = all[Math.min(Math.max(now + by, 0), all.length - 1)];
    this.select(next, true);
    if (list.contains(document.activeElement)) this.items.get(next)?.querySelector("button").focus();
  }
}

const endsOf = (r) => `${r.from} ${r.to}`;

function words(r) {
  const e = r.e, more = r.events.length - 1;
  if (e.kind === "open") return t("journey.open", { from: e.remote ?? "", proto: (e.proto ?? "").toUpperCase() });
  if (e.kind === "close") return t("journey.close", { why: e.text ?? "" });
  if (e.kind === "data") return t("journey.data", { n: e.size ?? 0 });
  if (e.kind === "gap") return t("shell.gap", { n: e.size });
  if (r.e.content) return t("journey.text", { n: r.events.length });
  return more > 0 ? t("journey.more", { text: e.text ?? "", n: more }) : e.text ?? "";
}

function kindOf(r) {
  if (r.from === r.to) return "own";
  const failed = r.e.dir === "S" && /^[45]\d\d/.test(r.e.text ?? "") ? " failed" : "";
  return (r.e.proto === "dns" ? "dns " : "") + r.e.dir + failed;
}

// bandName tells which rungs are under one band. What a dialogue decides belongs to
// it, and all questions of one search are one lookup.
function bandName(r, before) {
  if (r.e.proto === "dns") return "lookup";
  return r.e.conn && !r.e.local && before ? before : r.key + r.phase;
}

function bandOf(r) {
  const proto = (r.e.proto ?? "").toUpperCase();
  return h("li", { class: "band", value: r.n }, h("span", { text: t("journey.phase." + r.phase) }),
    h("small", { text: [proto, r.e.secure ? "TLS" : ""].filter(Boolean).join(" · ") }));
}
