// What can be done to messages, and undone.
import { ask, failed, h, note, post, t } from "../shell/shell.js";
import { folderName } from "./folders.js";

export function actions({ list, folders, reader }) {
  let last = null; // the last move, to be undone
  const path = (what, folder = list.folder.id) => `/mail/messages/${folder}/${what}`;
  const seen = (uids) => post(path("flags"), { uids, add: ["seen"] }).catch(failed);

  async function toggle(flag, keep = false) {
    const uids = list.uids();
    if (!uids.length) return;
    const on = list.current()?.flags.includes(flag);
    await post(path("flags"), { uids, [on ? "remove" : "add"]: [flag] }).catch(failed);
    if (!keep) list.chosen.clear();
  }

  // away takes messages out of the list and remembers how to bring them back.
  async function away(call, textKey, args) {
    const from = list.folder.id, at = list.at;
    let done;
    try { done = await call(); } catch (e) { return failed(e); }
    list.chosen.clear();
    reader.clear();
    document.getElementById("mail").dataset.view = "list";
    await list.refresh().catch(failed);
    if (list.at < 0) list.at = Math.min(at, list.total - 1);
    list.draw();
    if (!done.uids?.length) return;
    last = { from: done.folder, to: from, uids: done.uids };
    offer(t(textKey, { ...args, n: done.changed }));
  }

  function offer(text) {
    note(text);
    const shown = document.getElementById("notes").lastElementChild;
    shown.querySelector("button").before(h("button", { class: "undo", text: t("mail.undo"), onclick: () => { shown.remove(); undo(); } }));
  }

  async function undo() {
    if (!last) return;
    const { from, to, uids } = last;
    last = null;
    await post(path("move", from), { uids, to }).then(() => list.refresh()).catch(failed);
  }

  async function move(to) {
    const uids = list.uids();
    if (!to || !uids.length) return;
    await away(() => post(path("move"), { uids, to }), "mail.moved", { name: folderName(folders.find(to)) });
  }

  async function remove() {
    const uids = list.uids();
    if (!uids.length) return;
    const forever = list.folder.special === "\\Trash";
    if (forever && !await ask({ title: t("mail.forever", { n: uids.length }), text: t("mail.forever.text"), ok: t("mail.do.delete"), danger: true })) return;
    await away(() => post(path("delete"), { uids, forever }), "mail.deleted", {});
  }

  return {
    seen, move, undo, delete: remove,
    read: () => toggle("seen"), flag: () => toggle("flagged"),
    archive: () => { const f = folders.special("\\Archive"); if (f && f.id !== list.folder.id) return move(f.id); },
  };
}
