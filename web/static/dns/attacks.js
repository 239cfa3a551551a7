// Two attacks inside the lab: a forger races a name server, and a flood meets the
// root servers. Counters show how they go, and what makes them hopeless.
import { failed, h, post, t } from "../shell/shell.js";

const atOnce = 5; // rounds of one call: after each the counters move

export class Attacks {
  constructor(box) {
    this.box = box;
    const menu = (id, choices, value) => { const m = h("select", { id }, ...choices.map(([v, text]) => h("option", { value: v, text }))); m.value = value; this[id] = m; return m; };
    const line = (id, key, make) => h("p", { class: "field" }, h("label", { for: id, text: t(key) }), make);
    this.validate = h("input", { type: "checkbox" });
    this.go = h("button", { class: "danger", text: t("dns.race.go"), onclick: () => this.race().catch(failed).finally(() => this.rest()) });
    this.halt = h("button", { text: t("dns.race.stop"), hidden: true, onclick: () => { this.stopped = true; } });
    this.out = h("div", { class: "counters", "aria-live": "polite" });
    this.flooding = h("button", { class: "danger", text: t("dns.flood.go"), onclick: () => this.flood().catch(failed).finally(() => { this.flooding.disabled = false; }) });
    this.views = h("div", { "aria-live": "polite" });
    box.append(h("section", {}, h("h3", { text: t("dns.race") }), h("p", { class: "gist", text: t("dns.race.gist") }),
      h("div", { class: "two" }, line("race-zone", "dns.zone", h("input", { id: "race-zone", value: "amazon.com", spellcheck: "false" })),
        line("race-window", "dns.race.window", menu("race-window", [[20, "20 ms"], [100, "100 ms"], [300, "300 ms"]], "100")),
        line("race-bits", "dns.race.bits", menu("race-bits", [[8, "8"], [12, "12"], [16, "16"]], "12")),
        line("race-port", "dns.race.port", menu("race-port", [["", t("dns.race.fixed")], ["1", t("dns.race.random")]], ""))),
      h("p", {}, h("label", {}, this.validate, t("dns.race.validate"))), h("div", { class: "row-of" }, this.go, this.halt), this.out),
    h("section", {}, h("h3", { text: t("dns.flood") }), h("p", { class: "gist", text: t("dns.flood.gist") }),
      h("div", { class: "two" }, line("flood-n", "dns.flood.queries", menu("flood-n", [[1000, "1 000"], [5000, "5 000"], [20000, "20 000"]], "5000")), line("flood-limit", "dns.flood.limit", menu("flood-limit", [[100, "100"], [1000, "1 000"], [10000, "10 000"]], "1000"))), this.flooding, this.views));
  }

  rest() {
    this.go.hidden = false;
    this.halt.hidden = true;
  }

  async race() {
    this.stopped = false;
    this.go.hidden = true;
    this.halt.hidden = false;
    const sum = { rounds: 0, sent: 0, noticed: 0, took: 0 };
    const q = { zone: this.box.querySelector("#race-zone").value.trim(), rounds: atOnce, window: this["race-window"].value * 1e6, idBits: Number(this["race-bits"].value), randomPort: this["race-port"].value === "1", validate: this.validate.checked };
    while (!this.stopped && sum.rounds < 200) {
      const r = (await post("/dns/race", q)).result;
      for (const k of ["rounds", "sent", "noticed", "took"]) sum[k] += r[k];
      this.draw({ ...sum, wins: r.wins, space: r.space, chance: r.chance, expected: r.expected }, r.poisoned);
      if (r.wins || (r.noticed && sum.rounds >= 20)) break;
    }
  }

  draw(r, poisoned) {
    const figure = (key, value) => h("div", {}, h("dt", { text: t(key) }), h("dd", { text: value }));
    const n = (x) => Math.round(x).toLocaleString("en-US");
    this.out.replaceChildren(h("dl", { class: "figures" }, figure("dns.race.rounds", n(r.rounds)), figure("dns.race.sent", n(r.sent)), figure("dns.race.space", n(r.space)),
      figure("dns.race.chance", percent(r.chance)), figure("dns.race.expected", r.expected ? n(Math.max(1, r.expected)) : "—"), figure("dns.race.noticed", n(r.noticed)), figure("dns.race.rate", n(r.sent / (r.took / 1e9 || 1)))),
    r.wins ? h("div", { class: "lost" }, h("p", {}, h("b", { text: t("dns.race.won") })), ...poisoned.map((e) => h("p", {}, h("code", { text: `${e.name} ${e.type} ${e.data.join(" ")}` }))))
      : h("p", { class: "fine", text: t(r.noticed ? "dns.race.caught" : "dns.race.safe") }));
  }

  async flood() {
    this.flooding.disabled = true;
    const { cached, uncached } = (await post("/dns/flood", { queries: Number(this["flood-n"].value), lookups: 60, limit: Number(this["flood-limit"].value) })).result;
    const row = (key, of) => h("tr", {}, h("th", { scope: "row", text: t(key) }), ...[cached, uncached].map((v) => h("td", { text: of(v) })));
    this.views.replaceChildren(h("table", { class: "flood" }, h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col", text: t("dns.flood.cached") }), h("th", { scope: "col", text: t("dns.flood.uncached") }))),
      h("tbody", {}, row("dns.flood.sent", (v) => v.sent), row("dns.flood.took", (v) => `${Math.round(v.took / 1e6)} ms`), row("dns.flood.rate", (v) => Math.round(v.rate)), row("dns.flood.lookups", (v) => v.lookups), row("dns.flood.found", (v) => `${v.found} (${Math.round(100 * v.found / (v.lookups || 1))} %)`), row("dns.flood.atroot", (v) => v.atRoot), row("dns.flood.time", (v) => `${(v.meanTime / 1e6).toFixed(1)} ms`))));
  }
}

// percent is a chance with two digits that say something: "100 %", "1.5 %", "0.0015 %".
function percent(chance) {
  const p = 100 * chance;
  return `${p >= 99.5 ? "100" : p >= 10 ? Math.round(p) : p === 0 ? "0" : p.toLocaleString("en-US", { maximumSignificantDigits: 2 })} %`;
}
