import { ask, boot, del, failed, get, h, note, post, put, size, t } from "../shell/shell.js";
import { every, fill } from "./table.js";

export function showUsers() {
  const box = document.getElementById("users"), may = boot.operator || boot.lab;
  const refresh = async () => {
    const found = await get("/users").catch(() => null);
    if (!found) return;
    fill(box, found.items.slice(0, 500), t("server.users.none"), [
      ["server.users.address", (u) => u.address], ["server.col.messages", (u) => u.messages], ["server.col.size", (u) => size(u.bytes)],
      ["server.col.actions", (u) => may ? [h("span", { class: "row" },
        h("button", { "aria-label": `${t("server.users.newpassword")}: ${u.address}`, text: t("server.users.newpassword"), onclick: () => change(u.address) }),
        h("button", { class: "danger", "aria-label": t("server.users.remove", u), text: "✕", onclick: () => remove(u.address) }))] : ""],
    ]);
  };
  const remove = async (address) => {
    if (!(await ask({ title: t("server.users.remove", { address }), text: t("server.users.removed", { address }), danger: true }))) return;
    await del(`/users/${encodeURIComponent(address)}`).catch(failed);
    refresh();
  };
  every(5000, refresh);
  if (may) box.after(addForm(refresh));
}

function addForm(refresh) {
  const address = h("input", { id: "user-address", type: "email", required: true, "aria-label": t("server.users.address"), placeholder: t("server.users.address"), maxlength: "320" });
  const password = h("input", { id: "user-password", type: "password", required: true, autocomplete: "new-password", "aria-label": t("server.users.password"), placeholder: t("server.users.password"), maxlength: "1000" });
  const form = h("form", { class: "row", id: "add-user" }, address, password, h("button", { text: t("server.users.add") }));
  form.addEventListener("submit", async (ev) => {
    ev.preventDefault();
    const made = await post("/users", { address: address.value, password: password.value }).catch(failed);
    if (!made) return;
    form.reset();
    refresh();
  });
  return form;
}

function change(address) {
  const password = h("input", { type: "password", required: true, autocomplete: "new-password", maxlength: "1000" });
  const d = h("dialog", { "aria-label": t("server.users.change", { address }) }, h("h2", { text: t("server.users.change", { address }) }),
    h("form", { method: "dialog" }, h("label", { class: "field" }, t("server.users.newpassword"), password),
      h("div", { class: "choices" }, h("button", { value: "ok", class: "primary", text: t("shell.ok") }), h("button", { value: "", formnovalidate: true, text: t("shell.cancel") }))));
  d.addEventListener("close", async () => {
    d.remove();
    if (d.returnValue !== "ok") return;
    if (await put(`/users/${encodeURIComponent(address)}/password`, { password: password.value }).catch(failed)) note(t("server.users.changed", { address }));
  });
  document.body.append(d);
  d.showModal();
}
