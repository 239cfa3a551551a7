import { boot, del, failed, get, h, post, t } from "../shell/shell.js";
import { every, fill } from "./table.js";

export function showFaults(nodes) {
  const box = document.getElementById("faults"), may = boot.operator || boot.lab;
  document.getElementById("faults-area").hidden = false;
  const refresh = async () => {
    const found = await get("/faults").catch(() => null);
    if (!found) return;
    fill(box, found.items, t("server.faults.none"), [
      ["server.col.where", (f) => [f.node, f.proto, f.dir && f.dir + ":", f.command, f.match].filter(Boolean).join(" "), "prose"],
      ["server.col.action", (f) => [t("server.faults.action." + f.action), f.text, f.action === "delay" && f.delay].filter(Boolean).join(" · "), "prose"],
      ["server.col.touched", (f) => `${f.seen} / ${f.touched}`],
      ["server.col.actions", (f) => may ? [h("button", { class: "danger", "aria-label": t("server.faults.remove", f), text: "✕", onclick: () => del(`/faults/${f.id}`).catch(failed).then(refresh) })] : ""],
    ]);
  };
  every(2000, refresh);
  if (may) box.after(addForm(nodes, refresh));
}

function addForm(nodes, refresh) {
  const named = (tag, key, more, ...children) => h(tag, { "aria-label": t(key), ...more }, ...children);
  const node = named("select", "server.col.node", {}, ...nodes.map((n) => h("option", { text: n.name })));
  const proto = named("select", "server.col.proto", {}, h("option", { value: "smtp", text: "SMTP" }), h("option", { value: "imap", text: "IMAP" }));
  const command = named("input", "server.field.command", { placeholder: "RCPT", size: "8", required: true, maxlength: "40" });
  const action = named("select", "server.col.action", {}, ...["reply", "delay", "drop"].map((a) => h("option", { value: a, text: t("server.faults.action." + a) })));
  const text = named("input", "server.field.text", { placeholder: "451 4.3.0 Not now", maxlength: "500" });
  const delay = named("input", "server.field.delay", { placeholder: "5s", size: "5", maxlength: "20" });
  const times = named("input", "server.field.times", { type: "number", min: "0", value: "1", max: "1000" });
  const fit = () => { text.hidden = action.value !== "reply"; delay.hidden = action.value !== "delay"; };
  action.addEventListener("change", fit);
  fit();
  const form = h("form", { class: "row", id: "add-fault" }, node, proto, command, action, text, delay, times, h("button", { text: t("server.faults.add") }));
  form.addEventListener("submit", async (ev) => {
    ev.preventDefault();
    const f = { node: node.value, proto: proto.value, dir: "C", command: command.value, action: action.value, times: Number(times.value) };
    if (f.action === "reply") f.text = text.value || text.placeholder;
    if (f.action === "delay") f.delay = delay.value || delay.placeholder;
    await post("/faults", f).then(refresh, failed);
  });
  return form;
}
