import { h, t } from "../shell/shell.js";

// Bytes beside meaning of the rung that is chosen.
const most = 1024; // bytes that are shown
const widest = 36; // rem that sixteen bytes beside their characters take

export function bytesOf(e) {
  if (e.bytes) return Uint8Array.from(atob(e.bytes), (c) => c.charCodeAt(0));
  if (e.kind !== "line") return new Uint8Array();
  return new TextEncoder().encode((e.text ?? "") + "\r\n");
}

function sign(b) {
  if (b === 13) return "␍";
  if (b === 10) return "␊";
  return b > 32 && b < 127 ? String.fromCharCode(b) : b === 32 ? "␠" : "·";
}

function allBytes(r) {
  const parts = r.events.map(bytesOf);
  if (r.e.text === "." && r.e.dir === "C") parts.unshift(Uint8Array.of(13, 10)); // the end of the line before
  return Uint8Array.from(parts.flatMap((p) => [...p]));
}

function cell(b, i, marked) {
  const kind = b === 13 || b === 10 ? "crlf" : "";
  return h("span", { class: `${kind} ${marked ? "end" : ""}`.trim(), text: i });
}

function table(bytes, marked, wide) {
  const rows = [], each = wide ? 16 : 8;
  for (let i = 0; i < Math.min(bytes.length, most); i += each) {
    const part = [...bytes.slice(i, i + each)];
    rows.push(h("tr", {}, h("th", { scope: "row", text: i.toString(16).padStart(4, "0") }),
      h("td", { class: "hex" }, ...part.flatMap((b) => [cell(b, b.toString(16).padStart(2, "0"), marked), " "])),
      h("td", { class: "chars" }, ...part.map((b) => cell(b, sign(b), marked)))));
  }
  return h("table", {}, h("tbody", {}, ...rows));
}

export function showBytes(r) {
  const box = document.getElementById("bytes"), bytes = allBytes(r);
  const end = r.e.text === "." && r.e.dir === "C";
  const wide = box.clientWidth > widest * parseFloat(getComputedStyle(document.documentElement).fontSize);
  const content = bytes.length === 0 ? h("p", { class: "soft", text: t("journey.nobytes") }) : table(bytes, end, wide);
  box.replaceChildren(h("h3", { text: t("journey.bytes", { n: bytes.length }) }),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("journey.bytes", { n: bytes.length }) }, content));
  if (end) box.append(h("p", { text: t("journey.crlfdot") }));
}

export function showMeaning(r) {
  const box = document.getElementById("meaning");
  const notes = [];
  for (const e of r.events) {
    const note = e.explain;
    if (!note?.text || notes.some((n) => n.text === note.text)) continue;
    notes.push({ ...note, of: r.events.length > 1 && !r.e.content ? e.text : "" });
  }
  const said = notes.slice(0, 40).map((n) => h("div", { class: "noted" }, n.of && h("code", { text: n.of }),
    ...n.text.split("\n").map((line) => h("p", { text: line })), n.rfc && h("p", { class: "rfc", text: n.rfc })));
  const lines = r.e.content ? [h("pre", { text: r.events.map((e) => e.text ?? "").join("\n") })] : [];
  box.replaceChildren(h("h3", { text: t("journey.meaning") }), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("journey.meaning") },
    h("p", {}, h("code", { text: r.e.content ? "" : r.e.text ?? "" })), ...lines, ...(said.length ? said : [h("p", { class: "soft", text: t("journey.nomeaning") })])));
}
