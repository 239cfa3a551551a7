// The parts of a message: those that are attached, and all of them as a table.
import { h, href, size, t } from "../shell/shell.js";

const at = (m, p) => href(`/mail/messages/${m.folder}/${m.uid}/parts/${p.section}?download=1`);
const link = (m, p, text) => h("a", { href: at(m, p), download: p.name || `part-${p.section}` }, h("bdi", { text }));

// attached lists what came along with the text; null if nothing did.
export function attached(m) {
  const parts = m.parts.filter((p) => p.attachment);
  if (!parts.length) return null;
  return h("section", { class: "files", "aria-label": t("mail.attachments") }, h("h3", { text: t("mail.attachments.n", { n: parts.length }) }),
    h("ul", {}, ...parts.map((p) => h("li", {}, link(m, p, p.name || t("mail.part", { n: p.section })), " ", h("span", { class: "soft", text: `${p.type} · ${size(p.size)}` })))));
}

// table is every part with its number, by which IMAP fetches it, too.
export function table(m) {
  const head = ["section", "type", "name", "size"].map((k) => h("th", { scope: "col", text: t("mail.parts." + k) }));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("mail.view.parts") }, h("table", { class: "parts" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {},
    ...m.parts.map((p) => h("tr", { class: `depth-${Math.min(p.depth, 4)}` }, h("th", { scope: "row" }, h("code", { text: `BODY[${p.section}]` })), h("td", { text: p.type }),
      h("td", {}, link(m, p, p.name || p.description || t("mail.part", { n: p.section }))), h("td", { text: size(p.size) }))))));
}
