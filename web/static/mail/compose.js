// Writing a message. What was typed is kept among the drafts by itself.
import { ask, boot, failed, get, h, note, post, setting, size, t, upload } from "../shell/shell.js";
import { full, split } from "./people.js";
import { attachments } from "./reply.js";

const quiet = 2500; // milliseconds without a key until the draft is kept

// openDraft goes on with a draft.
export async function openDraft(folder, uid) {
  const m = await get(`/mail/messages/${folder.id}/${uid}`);
  m.folder = folder.id;
  compose({
    to: m.to.map(full), cc: m.cc.map(full), bcc: m.bcc.map(full), subject: m.subject, text: m.text.replace(/\s+$/, ""),
    inReplyTo: m.inReplyTo, references: m.references, files: await attachments(m), replaces: { folder: folder.id, uid },
  });
}

// compose opens the form with what a reply or a draft brings.
export function compose(draft) {
  if (document.querySelector("dialog.compose")) return;
  new Form(draft).open();
}

class Form {
  constructor(d) {
    Object.assign(this, { d, files: d.files ?? [], replaces: d.replaces ?? null, dirty: false, timer: 0, work: Promise.resolve() });
    const field = (name, value, props = {}) => h("input", { id: "c-" + name, name, value: value ?? "", autocomplete: "off", ...props });
    const row = (name, input) => h("label", { class: "line", for: "c-" + name }, h("span", { text: t("mail." + name) }), input);
    this.in = {
      to: field("to", d.to?.join(", ")), cc: field("cc", d.cc?.join(", ")), bcc: field("bcc", d.bcc?.join(", ")), subject: field("subject", d.subject, { maxlength: 600 }),
      fromName: field("fromname", setting("mail.name." + boot.account), { maxlength: 200, placeholder: boot.account }),
    };
    this.text = h("textarea", { id: "c-text", "aria-label": t("mail.text"), rows: 12 });
    this.text.value = d.text ?? "";
    const few = row("cc", this.in.cc), fewer = row("bcc", this.in.bcc), name = row("fromname", this.in.fromName);
    const more = h("button", { type: "button", class: "small", text: t("mail.more"), onclick: () => { for (const r of [few, fewer, name]) r.hidden = false; more.remove(); this.in.cc.focus(); } });
    few.hidden = !this.in.cc.value;
    fewer.hidden = !this.in.bcc.value;
    name.hidden = true;
    this.list = h("ul", { class: "attached" });
    this.state = h("span", { class: "soft", role: "status" });
    const pick = h("input", { type: "file", id: "c-files", multiple: true, class: "aside", onchange: () => { this.add(pick.files); pick.value = ""; } });
    this.send = h("button", { class: "primary", text: t("mail.send"), id: "c-send" });
    this.dialog = h("dialog", { class: "compose", "aria-label": t("mail.compose") },
      h("form", { onsubmit: (ev) => { ev.preventDefault(); this.submit(); } },
        h("div", { class: "top" }, h("h2", { text: t("mail.compose") }), this.state, h("button", { type: "button", "aria-label": t("shell.close"), text: "✕", onclick: () => this.close() })),
        row("to", this.in.to), more, few, fewer, name, row("subject", this.in.subject), this.text, this.list,
        h("div", { class: "choices" }, this.send, pick, h("label", { class: "button", for: "c-files", text: t("mail.attach") }),
          h("button", { type: "button", class: "danger", text: t("mail.discard"), onclick: () => this.discard() }), h("span", { class: "soft", text: t("mail.attach.hint") }))));
  }

  open() {
    const d = this.dialog;
    d.addEventListener("input", () => this.touched());
    d.addEventListener("cancel", (ev) => { ev.preventDefault(); this.close(); });
    d.addEventListener("keydown", (ev) => { if (ev.key === "Enter" && (ev.ctrlKey || ev.metaKey)) this.submit(); });
    d.addEventListener("dragover", (ev) => { ev.preventDefault(); d.classList.add("drop"); });
    d.addEventListener("dragleave", () => d.classList.remove("drop"));
    d.addEventListener("drop", (ev) => { ev.preventDefault(); d.classList.remove("drop"); this.add(ev.dataTransfer.files); });
    d.addEventListener("paste", (ev) => { if (ev.clipboardData.files.length) { ev.preventDefault(); this.add(ev.clipboardData.files); } });
    document.body.append(d);
    this.drawFiles();
    d.showModal();
    if (!this.in.to.value) this.in.to.focus();
    else { this.text.focus(); this.text.setSelectionRange(0, 0); this.text.scrollTop = 0; }
  }

  add(files) {
    this.files = [...this.files, ...files];
    this.drawFiles();
    this.touched();
  }

  drawFiles() {
    this.list.replaceChildren(...this.files.map((f, i) => h("li", {}, h("bdi", { text: f.name }), " ", h("span", { class: "soft", text: size(f.size) }),
      h("button", { type: "button", class: "small", "aria-label": t("mail.attach.remove", { name: f.name }), text: "✕", onclick: () => { this.files.splice(i, 1); this.drawFiles(); this.touched(); } }))));
  }

  touched() {
    this.dirty = true;
    this.state.textContent = "";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep().catch(failed), this.files.length ? 4 * quiet : quiet);
  }

  form() {
    const message = {
      fromName: this.in.fromName.value.trim(), to: split(this.in.to.value), cc: split(this.in.cc.value), bcc: split(this.in.bcc.value),
      subject: this.in.subject.value, text: this.text.value, inReplyTo: this.d.inReplyTo ?? "", references: this.d.references ?? [],
    };
    if (this.replaces) message.replaces = this.replaces;
    const form = new FormData();
    if (this.d.answers) message.answers = this.d.answers;
    form.set("message", JSON.stringify(message));
    for (const f of this.files) form.append("file", f, f.name);
    return form;
  }

  // keep saves the draft; one saving follows the other, so that each replaces the
  // one before.
  keep() {
    clearTimeout(this.timer);
    this.work = this.work.catch(() => {}).then(async () => {
      if (!this.dirty) return;
      this.dirty = false;
      try {
        const { folder, uid } = await upload("/mail/drafts", this.form());
        this.replaces = { folder, uid };
        this.state.textContent = t("mail.kept");
      } catch (e) {
        // A half-typed address cannot be kept yet; the next key tries again.
        this.dirty = true;
        this.state.textContent = e.message;
        throw e.status === 422 ? null : e;
      }
    });
    return this.work.catch((e) => { if (e) throw e; });
  }

  async submit() {
    if (this.send.disabled) return;
    clearTimeout(this.timer);
    this.send.disabled = true;
    await this.work.catch(() => {});
    setting("mail.name." + boot.account, this.in.fromName.value.trim());
    try {
      await upload("/mail/send", this.form());
      this.dialog.remove();
      note(t("mail.sent"));
    } catch (e) {
      this.state.textContent = e.message;
      failed(e);
      this.send.disabled = false;
    }
  }

  async close() {
    try { await this.keep(); } catch (e) { failed(e); return; }
    if (this.dirty && !await ask({ title: t("mail.unkept"), text: this.state.textContent, ok: t("mail.discard"), danger: true })) return;
    clearTimeout(this.timer);
    this.dialog.remove();
    if (this.replaces) note(t("mail.kept"));
  }

  async discard() {
    clearTimeout(this.timer);
    await this.work.catch(() => {});
    if ((this.dirty || this.replaces) && !await ask({ title: t("mail.discard.ask"), ok: t("mail.discard"), danger: true })) return;
    if (this.replaces) await post(`/mail/messages/${this.replaces.folder}/delete`, { uids: [this.replaces.uid], forever: true }).catch(failed);
    this.dialog.remove();
  }
}
