// The list of folders with their counts, and the menu of places to move to.
import { keep } from "../shell/keep.js";
import { ask, boot, del, failed, get, h, size, t } from "../shell/shell.js";

const order = ["INBOX", "\\Drafts", "\\Sent", "\\Archive", "\\Junk", "\\Trash"];
const known = { INBOX: "inbox", "\\Drafts": "drafts", "\\Sent": "sent", "\\Archive": "archive", "\\Junk": "junk", "\\Trash": "trash" };
const use = (f) => f.name === "INBOX" ? "INBOX" : f.special;

// folderName is a folder's name in the reader's language, if it is one of the usual.
export const folderName = (f) => known[use(f)] ? t("mail.folder." + known[use(f)]) : f.name;

export class Folders {
  constructor(ul, menu) {
    Object.assign(this, { ul, menu, all: [], selected: 0, onchoose() {} });
  }

  async load() {
    const { items, usage } = await get("/mail/folders");
    this.all = items;
    this.most = usage.maxBytes;
    this.draw();
  }

  find(id) { return this.all.find((f) => f.id === id); }
  inbox() { return this.all.find((f) => f.name === "INBOX"); }
  special(name) { return this.all.find((f) => f.special === name); }

  select(id) {
    this.selected = id;
    this.draw();
  }

  changed(f) {
    const at = this.all.findIndex((one) => one.id === f.id);
    if (f.gone) this.all = this.all.filter((one) => one.id !== f.id);
    else if (at < 0) this.all.push(f);
    else this.all[at] = f;
    this.draw();
  }

  draw() {
    const rank = (f) => { const n = order.indexOf(use(f)); return n < 0 ? order.length : n; };
    this.all.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
    keep(this.ul, () => this.ul.replaceChildren(...this.all.map((f) => this.entry(f))));
    this.menu.replaceChildren(h("option", { value: "", text: t("mail.do.move") }),
      ...this.all.filter((f) => f.id !== this.selected).map((f) => h("option", { value: f.id, text: folderName(f) })));
    const used = size(this.all.reduce((sum, f) => sum + f.size, 0));
    document.getElementById("usage").textContent = this.most ? t("mail.usage.of", { used, all: size(this.most) }) : t("mail.usage", { used });
    const n = this.inbox()?.unseen ?? 0;
    document.title = `${n ? `(${n}) ` : ""}${t("shell.nav.mail")} · ${boot.account}`;
  }

  entry(f) {
    const label = t("mail.folder.counts", { name: folderName(f), unseen: f.unseen, n: f.messages });
    const count = f.unseen ? h("b", { text: f.unseen }) : f.messages ? h("span", { class: "soft", text: f.messages }) : null;
    return h("li", {},
      h("button", { class: "folder", dataset: { folder: f.name, key: f.id }, "aria-current": f.id === this.selected ? "true" : null, title: label, onclick: () => this.onchoose(f) },
        h("span", { class: "name", text: folderName(f) }), count),
      use(f) ? null : h("button", { class: "small", "aria-label": t("mail.folder.remove", { name: f.name }), text: "✕", onclick: () => this.remove(f) }));
  }

  async remove(f) {
    if (!await ask({ title: t("mail.folder.remove", { name: f.name }), text: t("mail.folder.remove.text", { n: f.messages }), danger: true })) return;
    await del(`/mail/folders/${f.id}`).then(() => this.changed({ ...f, gone: true })).catch(failed);
    if (f.id === this.selected) this.onchoose(this.inbox());
  }
}
