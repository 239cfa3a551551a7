// A message taken apart: the 12 bytes of the header as a grid, the sections, and
// every byte with what it means. Compressed names lead to where they stand.
import { h, say, t } from "../shell/shell.js";
import { meaning } from "./meaning.js";
import { shown } from "./tree.js";

export class Dissector {
  constructor(box) {
    this.box = box;
    box.append(h("h2", { text: t("dns.dissector") }), h("p", { class: "empty", text: t("dns.dissector.empty") }));
  }

  show(got, q) {
    const bytes = Uint8Array.from(atob(got.bytes), (c) => c.charCodeAt(0));
    const fields = got.dissection.fields;
    this.rows = new Map();
    this.cells = [];
    const hex = this.hex(bytes, fields.filter((f) => !f.bits));
    const tables = this.sections(fields);
    this.box.replaceChildren(...[h("h2", { text: t("dns.dissector") }),
      h("p", { class: "soft" }, h("code", { text: `${shown(q.name)} ${q.type}` }), " ", t("dns.dissector.of", { server: got.server, n: bytes.length, way: got.tcp ? "TCP" : "UDP" })),
      got.dissection.fault ? h("p", { class: "error", text: got.dissection.fault }) : null,
      ...reasons(bytes, fields).map((text) => h("p", { class: "why" }, h("b", { text: t("dns.why") }), " ", text)),
      h("h3", { text: t("dns.header") }), this.grid(fields), h("h3", { text: t("dns.bytes") }), hex, ...tables].filter(Boolean));
    this.scrollTop();
  }

  scrollTop() { this.box.scrollTop = 0; }

  // reveal brings the message into sight where it stands below the rest.
  reveal() { this.box.scrollIntoView({ block: "nearest" }); }

  // grid is the header as RFC 1035 §4.1.1 draws it: six rows of 16 bits.
  grid(fields) {
    const head = fields.filter((f) => f.section === "header" && f.name !== "flags");
    const cell = (f, span) => h("td", { colspan: span, class: "bits" + (f.bits && span === 1 && f.value === "1" ? " on" : ""), title: meaning(f) }, h("b", { text: f.name }), " ", h("span", { text: f.value }));
    const width = (f) => f.bits.includes("-") ? 4 : 1;
    const rows = [h("tr", {}, ...head.filter((f) => f.name === "ID").map((f) => cell(f, 16))), h("tr", { class: "flags" }, ...head.filter((f) => f.bits).map((f) => cell(f, width(f))))];
    const counts = head.filter((f) => f.name.endsWith("COUNT"));
    for (let i = 0; i < counts.length; i += 2) rows.push(h("tr", {}, ...counts.slice(i, i + 2).map((f) => cell(f, 8))));
    const lit = head.filter((f) => f.bits && (f.value === "1" || f.name === "AA" || f.name === "RCODE"));
    return h("div", {}, h("table", { class: "grid" }, h("tbody", {}, ...rows)), h("ul", { class: "lit-bits" }, ...lit.map((f) => h("li", {}, h("b", { text: `${f.name} ${f.value}` }), " ", meaning(f)))));
  }

  hex(bytes, fields) {
    const out = h("div", { class: "hex", role: "group", tabindex: 0, dataset: { ownKeys: "" }, "aria-label": t("dns.bytes.n", { n: bytes.length }), onkeydown: (ev) => this.pressed(ev, fields) });
    const owner = [];
    this.at = -1;
    for (const f of fields) for (let i = 0; i < f.length; i++) owner[f.offset + i] = f;
    for (let at = 0; at < bytes.length; at += 16) {
      const line = h("div", {}, h("span", { class: "offset", text: at.toString(16).padStart(4, "0") }));
      for (let i = at; i < Math.min(at + 16, bytes.length); i++) {
        const f = owner[i];
        const isPointer = f && f.pointer >= 0 && i >= f.offset + f.length - 2;
        const c = h("span", { class: `byte ${f?.section ?? ""}${isPointer ? " pointer" : ""}`, text: bytes[i].toString(16).padStart(2, "0"), title: f ? `${f.name} ${f.value}` : null, onmouseenter: () => f && this.light(f), onclick: () => f && this.rows.get(f)?.scrollIntoView({ block: "nearest" }) });
        this.cells[i] = c;
        line.append(c);
      }
      out.append(line);
    }
    return out;
  }

  // pressed goes from field to field, so that keys find what a mouse finds.
  pressed(ev, fields) {
    const to = { ArrowRight: this.at + 1, ArrowDown: this.at + 1, ArrowLeft: this.at - 1, ArrowUp: this.at - 1, Home: 0, End: fields.length - 1 }[ev.key];
    if (to === undefined) return;
    ev.preventDefault();
    this.at = Math.max(0, Math.min(fields.length - 1, to));
    const f = fields[this.at];
    this.light(f);
    this.cells[f.offset]?.scrollIntoView({ block: "nearest" });
    say(t("dns.field.said", { offset: f.offset, name: f.name, value: f.value, meaning: meaning(f) }));
  }

  // light marks the bytes of a field, its row, and what it points to.
  light(f) {
    for (const e of this.box.querySelectorAll(".lit, .target")) e.classList.remove("lit", "target");
    for (let i = f.offset; i < f.offset + f.length; i++) this.cells[i]?.classList.add("lit");
    this.rows.get(f)?.classList.add("lit");
    if (f.pointer >= 0) for (let i = f.pointer; i < this.cells.length && this.cells[i].textContent !== "00" && !(i > f.pointer && this.cells[i].classList.contains("pointer")); i++) this.cells[i].classList.add("target");
  }

  sections(fields) {
    const names = [...new Set(fields.map((f) => f.section))].filter((s) => s !== "header");
    return names.flatMap((name) => [h("h3", { text: t("dns.section." + name) }), h("table", { class: "fields" }, h("tbody", {}, ...fields.filter((f) => f.section === name && !f.bits).map((f) => {
      const pointer = f.pointer >= 0 ? h("button", { class: "small", text: t("dns.pointer", { at: f.pointer }), onclick: () => this.light(f) }) : null;
      const row = h("tr", { class: /^(Q?NAME)$/.test(f.name) ? "first" : "", onmouseenter: () => this.light(f) },
        h("td", { class: "soft", text: f.offset }), h("th", { scope: "row", text: f.name }), h("td", {}, h("code", { text: f.value }), pointer ? " " : null, pointer), h("td", { class: "soft", text: meaning(f) }));
      this.rows.set(f, row);
      return row;
    })))]);
  }
}

// reasons reads the extended errors of a reply (RFC 8914 §2): the server's own words
// for why it failed. They are options 15 in the data of the OPT record.
function reasons(bytes, fields) {
  const out = [];
  const opt = fields.findIndex((f) => f.section === "additional" && f.name === "TYPE" && f.value === "OPT");
  const data = opt < 0 ? undefined : fields.slice(opt).find((f) => f.name === "RDATA");
  for (let at = data?.offset, end = at + data?.length; at + 4 <= end;) {
    const code = bytes[at] << 8 | bytes[at + 1], length = bytes[at + 2] << 8 | bytes[at + 3];
    if (code === 15 && length > 2) out.push(new TextDecoder().decode(bytes.subarray(at + 6, at + 4 + length)));
    at += 4 + length;
  }
  return out;
}
