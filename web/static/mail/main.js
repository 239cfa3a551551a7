// The mail page: folders, the list, the message, and writing.
import { boot, failed, get, keys, post, say, setting, stream, t } from "../shell/shell.js";
import { actions } from "./actions.js";
import { compose, openDraft } from "./compose.js";
import { enter } from "./enter.js";
import { Folders } from "./folders.js";
import { MessageList } from "./list.js";
import { Reader } from "./reader.js";
import { answer, forward } from "./reply.js";

const $ = (id) => document.getElementById(id);

async function mail() {
  const page = $("mail");
  const reader = new Reader($("reader"));
  const folders = new Folders($("folders"), $("move"));
  const list = new MessageList($("list"), $("empty"), $("count"));
  const view = (name) => { page.dataset.view = name; };
  const act = actions({ list, folders, reader });

  async function show(item, uid = item.uid) {
    view("message");
    const message = await reader.show(list.folder, uid, item).catch(failed);
    if (message && !message.flags.includes("seen")) await act.seen([uid]);
  }

  async function openItem(item) {
    if (!item) return;
    if (item.flags.includes("draft")) return openDraft(list.folder, item.uid).catch(failed);
    await show(item);
  }

  function choose(folder) {
    folders.select(folder.id);
    $("q").value = "";
    reader.clear();
    view("list");
    list.open(folder, { threads: $("threads").checked }).catch(failed);
  }

  folders.onchoose = choose;
  list.onopen = openItem;
  reader.onback = () => { view("list"); list.focus(); };
  reader.onthread = (uid, item) => show(item, uid);
  const onMessage = (make) => () => reader.message && make(reader.message).then(compose).catch(failed);
  reader.onreply = onMessage((m) => answer(m, false));
  reader.onreplyall = onMessage((m) => answer(m, true));
  reader.onforward = onMessage(forward);
  reader.onaction = (what) => act[what]();

  $("compose").addEventListener("click", () => compose({}));
  let typed;
  $("find").addEventListener("submit", (ev) => { ev.preventDefault(); clearTimeout(typed); search(); });
  $("q").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(search, 300); });
  $("threads").checked = setting("mail.threads") === true;
  $("threads").addEventListener("change", () => { setting("mail.threads", $("threads").checked); search(); });
  function search() {
    view("list");
    list.open(list.folder, { q: $("q").value.trim(), threads: $("threads").checked }).catch(failed);
  }

  for (const b of document.querySelectorAll("button[data-do]")) b.addEventListener("click", () => act[b.dataset.do]());
  $("move").addEventListener("change", (ev) => { act.move(Number(ev.target.value)); ev.target.value = ""; });
  $("new-folder").addEventListener("submit", async (ev) => {
    ev.preventDefault();
    await post("/mail/folders", { name: $("folder-name").value }).then(() => { ev.target.reset(); return folders.load(); }).catch(failed);
  });

  keys.add("j", "mail.key.next", () => list.step(1));
  keys.add("k", "mail.key.previous", () => list.step(-1));
  keys.add("Enter", "mail.key.open", () => openItem(list.current()));
  keys.add("u", "mail.key.back", () => reader.onback());
  keys.add("x", "mail.key.select", () => list.toggle());
  keys.add("r", "mail.reply", () => reader.onreply());
  keys.add("a", "mail.replyall", () => reader.onreplyall());
  keys.add("f", "mail.forward", () => reader.onforward());
  keys.add("c", "mail.compose", () => compose({}));
  keys.add("e", "mail.do.archive", () => act.archive());
  keys.add("#", "mail.do.delete", () => act.delete());
  keys.add("s", "mail.do.flag", () => act.flag());
  keys.add("Shift+U", "mail.key.unread", () => act.read());
  keys.add("z", "mail.key.undo", () => act.undo());
  keys.add("/", "mail.search", () => $("q").focus());

  await folders.load();
  choose(folders.inbox());
  stream("/mail/changes", {
    event(f) {
      const before = folders.find(f.id)?.unseen ?? 0;
      folders.changed(f);
      if (list.folder?.id !== f.id || f.gone) return;
      if (f.unseen > before) say(t("mail.new", { n: f.unseen - before }));
      list.changed(f);
    },
  });
  ways();
}

// ways tells how else the same mailbox can be reached.
async function ways() {
  const { nodes } = await get("/node");
  const domain = boot.account.split("@")[1];
  const mine = nodes.find((n) => n.domains.includes(domain));
  const at = mine?.addrs.imap?.[0];
  $("imap").textContent = at ? t("mail.way.imap", { at }) : "";
}

if (boot.account) mail().catch(failed);
else enter($("people")).catch(failed);
