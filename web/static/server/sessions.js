import { boot, del, failed, get, h, t, time } from "../shell/shell.js";
import { every, fill } from "./table.js";

export function showSessions(counted) {
  const box = document.getElementById("sessions"), may = boot.operator || boot.lab;
  const refresh = async () => {
    const found = await get("/sessions").catch(() => null);
    if (!found) return;
    counted(found.items.length);
    fill(box, found.items.slice(0, 200), t("server.sessions.none"), [
      ["server.col.node", (c) => c.node], ["server.col.proto", (c) => c.proto.toUpperCase() + (c.secure ? " · TLS" : "")],
      ["server.col.remote", (c) => c.remote], ["server.col.since", (c) => time(c.since, "clock").slice(0, 8)],
      ["server.col.lines", (c) => c.lines], ["server.col.last", (c) => c.text, "prose"],
      ["server.col.actions", (c) => [may && c.side === "S" && cut(c)].filter(Boolean)],
    ]);
  };
  const cut = (c) => h("button", { class: "danger", "aria-label": `${t("server.sessions.cut")}: ${c.remote}`, text: t("server.sessions.cut"), onclick: () => del(`/sessions/${c.conn}`).catch(failed).then(refresh) });
  every(2000, refresh);
}
