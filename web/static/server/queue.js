import { ask, boot, failed, get, h, post, t, time } from "../shell/shell.js";
import { every, fill } from "./table.js";

export function showQueue(counted) {
  const box = document.getElementById("queue"), may = boot.operator || boot.lab;
  const refresh = async () => {
    const found = await get("/queue").catch(() => null);
    if (!found) return;
    counted(found.total ?? found.items.length);
    fill(box, found.items.slice(0, 200), t("server.queue.none"), [
      ["server.col.node", (q) => q.node], ["server.col.from", (q) => q.from || "<>"],
      ["server.col.to", (q) => may ? [h("button", { "aria-label": t("server.queue.show", { to: q.to }), text: q.to, onclick: () => show(q) })] : q.to],
      ["server.col.attempts", (q) => q.attempts], ["server.col.due", (q) => q.held ? t("server.queue.held") : time(q.due, "clock").slice(0, 8)],
      ["server.col.reply", (q) => [q.lastHost, q.lastReply].filter(Boolean).join(": "), "prose"], ["server.col.actions", (q) => [may && buttons(q)].filter(Boolean)],
    ]);
  };
  const amend = async (q, action) => {
    if (action === "remove" && !(await ask({ title: t("server.queue.remove"), text: t("server.queue.removed", { to: q.to }), danger: true }))) return;
    await post(`/queue/${encodeURIComponent(q.id)}/${action}`).catch(failed);
    refresh();
  };
  const buttons = (q) => h("span", { class: "row" }, ...["retry", q.held ? "release" : "hold", "remove"].map((a) =>
    h("button", { class: a === "remove" ? "danger" : "", "aria-label": `${t("server.queue." + a)}: ${q.to}`, text: t("server.queue." + a), onclick: () => amend(q, a) })));
  every(2000, refresh);
}

async function show(q) {
  const entry = await get(`/queue/${encodeURIComponent(q.id)}`).catch(failed);
  if (!entry) return;
  const d = h("dialog", { "aria-label": t("server.queue.text") }, h("h2", { text: t("server.queue.text") }), h("p", { text: [q.lastHost, q.lastReply].filter(Boolean).join(": ") }),
    h("pre", { tabindex: "0", text: entry.text ?? "" }), h("form", { method: "dialog" }, h("button", { text: t("shell.close") })));
  d.addEventListener("close", () => d.remove());
  document.body.append(d);
  d.showModal();
}
