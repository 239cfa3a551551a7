// Zones: as a table or as master text, looked through for mistakes, and changed.
import { boot, failed, get, h, href, note, post, t } from "../shell/shell.js";
import { Editor } from "./editor.js";
import { shown } from "./tree.js";

export class Zones {
  constructor(box) {
    Object.assign(this, { box, zone: "", text: "" });
    this.menu = h("select", { "aria-label": t("dns.zone"), onchange: () => this.open(this.menu.value).catch(failed) });
    this.asTable = h("button", { text: t("dns.zone.table"), onclick: () => this.mode(true) });
    this.asText = h("button", { text: t("dns.zone.text"), onclick: () => this.mode(false) });
    this.info = h("span", { class: "soft" });
    this.table = h("div");
    this.editor = new Editor(() => this.typed());
    this.findings = h("ul", { class: "findings", id: "zone-findings", "aria-live": "polite" });
    this.save = h("button", { class: "primary", text: t("dns.zone.save"), onclick: () => this.put().catch(failed) });
    this.edit = h("div", {}, this.editor.at, h("div", { class: "row-of" }, h("button", { text: t("dns.zone.check"), onclick: () => this.check().catch(failed) }), this.save));
    box.append(h("div", { class: "row-of" }, this.menu, this.asTable, this.asText, this.info), h("p", { class: "gist", text: t("dns.zone.gist") }), this.table, this.edit, this.findings);
    this.mode(true);
  }

  async show() {
    const all = (await get("/dns/zones")).result;
    this.all = all;
    this.menu.replaceChildren(...all.map((z) => h("option", { value: z.zone, text: z.zone === "." ? t("dns.root") : shown(z.zone) })));
    if (this.unsaved()) this.menu.value = this.zone;
    else await this.open(this.zone || "amazon.com.");
  }

  // unsaved tells whether the text holds what is not in use yet.
  unsaved() { return Boolean(this.zone) && this.editor.text !== spaced(this.text); }

  async open(zone) {
    this.zone = zone;
    this.menu.value = zone;
    this.text = (await get("/dns/zones/" + encodeURIComponent(zone))).result;
    this.editor.text = spaced(this.text);
    const z = this.all?.find((one) => one.zone === zone);
    this.info.textContent = z ? t("dns.zone.info", { serial: z.serial, n: z.records, signed: t(z.signed ? "dns.signed" : "dns.unsigned"), servers: z.servers.map((s) => s.replace(/\.$/, "")).join(", ") }) : "";
    this.findings.replaceChildren();
    this.draw();
  }

  mode(table) {
    this.asTable.setAttribute("aria-pressed", String(table));
    this.asText.setAttribute("aria-pressed", String(!table));
    this.table.hidden = !table;
    this.edit.hidden = table;
  }

  draw() {
    const records = this.text.split("\n").map((l) => l.split("\t")).filter((r) => r.length >= 5);
    const add = h("form", { class: "row-of", onsubmit: (ev) => { ev.preventDefault(); this.change("add", this.line.value); } }, this.line = h("input", { class: "record", "aria-label": t("dns.zone.add"), placeholder: "www 3600 IN A 198.18.1.80", required: true, spellcheck: "false" }), h("button", { text: t("dns.zone.add") }));
    this.table.replaceChildren(h("div", { class: "scroll" }, h("table", { class: "records" },
      h("thead", {}, h("tr", {}, ...["name", "ttl", "type", "value", "do"].map((k) => h("th", { scope: "col", text: t("dns.cache." + k) })))),
      h("tbody", {}, ...records.map((r) => h("tr", {}, h("td", {}, h("code", { text: shown(r[0]) })), h("td", { text: r[1] }), h("td", { text: r[3] }), h("td", {}, h("code", { text: r.slice(4).join(" ") })),
        h("td", {}, r[3] === "SOA" ? null : h("button", { class: "small", dataset: { key: r.join(" ") }, "aria-label": t("dns.zone.remove", { record: r.slice(3).join(" ") }), text: "✕", onclick: () => this.change("remove", r.join(" ")) }))))))), add);
  }

  // change adds or removes one record.
  async change(way, record) {
    try {
      const done = (await post("/dns/zones/edit", { zone: this.zone, way, records: [record] })).result;
      await this.reload(done);
    } catch (e) { failed(e); }
  }

  async reload(done) {
    note(t("dns.zone.changed", { added: done.added.length, removed: done.removed.length, serial: done.serial }));
    this.all = (await get("/dns/zones")).result;
    await this.open(this.zone);
    this.list(done.findings);
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check().catch(failed), 600);
  }

  async check() {
    const r = (await this.send("POST", "/check")).result;
    this.list(r.error ? [r.error] : r.findings, Boolean(r.error));
  }

  async put() {
    let done;
    try {
      done = (await this.send("PUT", "")).result;
    } catch (e) {
      this.list([e.message], true);
      return;
    }
    await this.reload(done);
  }

  // send hands the text over as it is; it is no JSON.
  async send(method, what) {
    const r = await fetch(href(`/dns/zones/${encodeURIComponent(this.zone)}${what}`), { method, body: this.editor.text, headers: { "Content-Type": "text/dns" } });
    const answer = await r.json();
    if (!r.ok) throw new Error(answer.error);
    return answer;
  }

  // list shows what is wrong, and in the text the lines that it is about.
  list(findings, bad = false) {
    const all = findings.map((text) => ({ text: text.replace(/^line:\d+(:\d+)?: /, ""), line: Number(text.match(/^line:(\d+)/)?.[1] ?? this.find(text)), bad }));
    this.editor.mark(all);
    this.findings.replaceChildren(...(all.length ? all.map((f) => h("li", { class: bad ? "error" : "warn" },
      f.line && !this.edit.hidden ? h("button", { class: "small", text: t("dns.line", { n: f.line }), onclick: () => this.editor.goto(f.line) }) : null, " ", f.text))
      : [h("li", { class: "fine", text: t("dns.zone.fine") })]));
  }

  // find looks for the line of the record that a finding names: "owner TYPE: text".
  find(finding) {
    const [, owner, type] = finding.match(/^(\S+) (\S+):/) ?? [];
    if (!owner) return 0;
    const short = owner.replace(/\.$/, "").toLowerCase(), origin = "." + this.zone.replace(/\.$/, "").toLowerCase();
    const names = [short, short === origin.slice(1) ? "@" : short.endsWith(origin) ? short.slice(0, -origin.length) : short];
    return this.editor.text.split("\n").findIndex((l) => { const w = l.toLowerCase().split(/\s+/); return names.includes(w[0].replace(/\.$/, "")) && w.includes(type.toLowerCase()); }) + 1;
  }
}

const spaced = (text) => text.replace(/\t/g, " ");

export const owner = () => boot.account || "student";
