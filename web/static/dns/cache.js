// What the local name server knows, with the time that is left for each.
import { del, failed, get, h, t } from "../shell/shell.js";
import { keep } from "../shell/keep.js";
import { shown } from "./tree.js";

const round = 2 * Math.PI * 7; // length of a ring
const most = 300; // rows shown

export class Cache {
  constructor(box) {
    Object.assign(this, { box, entries: [], at: 0, whole: new Map() });
    this.filter = h("input", { type: "search", "aria-label": t("dns.cache.filter"), placeholder: t("dns.cache.filter"), oninput: () => this.draw() });
    this.keys = h("input", { type: "checkbox", onchange: () => this.draw() });
    this.count = h("span", { class: "soft" });
    this.body = h("tbody");
    box.append(h("div", { class: "row-of" }, this.filter, h("label", {}, this.keys, t("dns.cache.keys")), h("button", { class: "danger", text: t("dns.cache.flush"), onclick: () => this.flush("") }), this.count),
      h("p", { class: "gist", text: t("dns.cache.gist") }),
      h("div", { class: "scroll" }, h("table", { class: "cache" }, h("thead", {}, h("tr", {}, ...["name", "type", "value", "left", "checked"].map((k) => h("th", { scope: "col", text: t("dns.cache." + k) })), h("th", { scope: "col" }, h("span", { class: "aside", text: t("dns.cache.do") })))), this.body)));
    setInterval(() => this.tick(), 1000);
    setInterval(() => { if (!box.hidden && !document.hidden) this.refresh().catch(() => {}); }, 5000);
  }

  show() {
    this.tick(); // what was drawn unseen has no time yet
    return this.refresh();
  }

  async refresh() {
    const turn = this.turn = Symbol();
    const entries = (await get("/dns/cache")).result;
    if (turn !== this.turn) return; // a later answer is on its way, or was quicker
    this.entries = entries;
    this.at = performance.now();
    this.draw();
  }

  async flush(name) {
    await del("/dns/cache" + (name ? "/" + encodeURIComponent(name) : "")).then(() => this.refresh()).catch(failed);
  }

  draw() {
    const want = this.filter.value.trim().toLowerCase(), keys = ["DS", "DNSKEY", "RRSIG", "NSEC"];
    const list = this.entries.filter((e) => (this.keys.checked || !keys.includes(e.type)) && (!want || (e.name + " " + e.data.join(" ")).toLowerCase().includes(want)));
    this.count.textContent = t("dns.cache.count", { n: list.length });
    this.rows = list.slice(0, most).map((e) => this.row(e));
    keep(this.box, () => this.body.replaceChildren(...(this.rows.length ? this.rows.map((r) => r.at) : [h("tr", {}, h("td", { colspan: 6, class: "soft", text: t("dns.cache.empty") }))])));
    this.tick();
  }

  row(e) {
    const key = e.name + " " + e.type;
    if (!(this.whole.get(key) >= e.left)) this.whole.set(key, e.left); // the longest that was seen is taken for the whole
    const ring = ringOf(), left = h("span", { class: "left" });
    const mark = { secure: ["✓", "secure"], insecure: ["–", "insecure"] }[e.verdict] ?? ["", "unchecked"];
    const data = e.data.length ? e.data.map((d) => h("code", { class: "datum", text: d.length > 60 ? d.slice(0, 57) + "…" : d, title: d })) : [h("span", { class: "soft", text: t("dns.cache.none") })];
    const at = h("tr", {}, h("td", {}, h("code", { text: shown(e.name) })), h("td", { text: e.type }),
      h("td", {}, ...data, h("span", { class: "soft from", text: t("dns.cache.from", { server: e.from.replace(/:53$/, "") }) })),
      h("td", { class: "ttl" }, ring.svg, left), h("td", { text: `${mark[0]} ${t("dns.cache." + mark[1])}` }),
      h("td", {}, h("button", { class: "small", dataset: { key }, "aria-label": t("dns.cache.forget", { name: e.name }), text: "✕", onclick: () => this.flush(e.name) })));
    return { at, e, ring, left, whole: this.whole.get(key) };
  }

  tick() {
    if (this.box.hidden || !this.rows) return;
    const passed = (performance.now() - this.at) * 1e6;
    for (const r of this.rows) {
      const left = Math.max(0, r.e.left - passed);
      r.ring.arc.setAttribute("stroke-dasharray", `${round * left / r.whole} ${round}`);
      r.left.textContent = span(left / 1e9);
      r.at.classList.toggle("gone", left === 0);
    }
  }
}

function ringOf() {
  const make = (tag, attrs) => {
    const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v);
    return e;
  };
  const svg = make("svg", { viewBox: "0 0 18 18", class: "ring", "aria-hidden": "true" });
  const arc = make("circle", { cx: 9, cy: 9, r: 7, class: "arc", transform: "rotate(-90 9 9)" });
  svg.append(make("circle", { cx: 9, cy: 9, r: 7, class: "whole" }), arc);
  return { svg, arc };
}

export function span(seconds) {
  const n = Math.ceil(seconds), two = (x) => String(x).padStart(2, "0");
  if (n >= 3600) return `${Math.floor(n / 3600)}:${two(Math.floor(n / 60) % 60)}:${two(n % 60)}`;
  return `${Math.floor(n / 60)}:${two(n % 60)}`;
}
