import { h, href, note, t } from "../shell/shell.js";

// Files: a journey is saved, and one that was saved elsewhere is opened without
// asking the server anything.
const most = 64 << 20;

export function openShare(opened) {
  const bar = document.getElementById("share");
  const input = h("input", { type: "file", id: "open-file", class: "aside", tabindex: "-1", accept: ".jsonl", "aria-label": t("journey.share.open"), onchange: () => input.files[0] && read(input.files[0], opened) });
  const links = { jsonl: h("a", { class: "button", download: true, id: "save-jsonl", text: t("journey.share.save") }), pcapng: h("a", { class: "button", download: true, id: "save-pcapng", text: "pcapng" }) };
  bar.append(h("button", { id: "open", text: t("journey.share.open"), onclick: () => input.click() }), input, links.jsonl, links.pcapng);
  document.addEventListener("dragover", (ev) => ev.preventDefault());
  document.addEventListener("drop", (ev) => {
    ev.preventDefault();
    if (ev.dataTransfer.files[0]) read(ev.dataTransfer.files[0], opened);
  });
  return (id) => {
    for (const [kind, a] of Object.entries(links)) a.href = href(id ? `/journeys/${encodeURIComponent(id)}.${kind}` : `/trace.${kind}`);
  };
}

async function read(file, opened) {
  try {
    if (file.size > most) throw new Error(t("journey.share.large"));
    const lines = (await file.text()).split("\n").filter((l) => l.trim() !== "").map((l) => JSON.parse(l));
    const head = lines.shift();
    if (!head?.glassmail) throw new Error(t("journey.share.other"));
    if (head.glassmail > 1) throw new Error(t("journey.share.newer"));
    opened({ ...(head.journeys?.[0] ?? { id: "", hosts: [] }), steps: lines }, file.name);
  } catch (fault) {
    note(t("journey.share.failed", { file: file.name, reason: fault.message }), "error");
  }
}
