import { stream, t } from "../shell/shell.js";

// Shows the events of the node as the lecture writes dialogues.
const most = 5000; // rows kept in the page
const dialogue = new Set(["open", "close", "line", "data", "datagram", "note", "gap"]);

const log = document.getElementById("log");
const state = document.getElementById("state");
const filter = document.getElementById("filter");
const follow = document.getElementById("follow");
const waiting = []; // events not shown yet

function words(e) {
  switch (e.kind) {
    case "data": return `(${e.size} bytes of message text)`;
    case "gap": return `${e.size} events were too fast to be kept`;
    default: return e.text ?? "";
  }
}

function cell(name, text) {
  const s = document.createElement("span");
  s.className = name;
  s.textContent = text;
  return s;
}

function row(e) {
  const li = document.createElement("li");
  const own = e.dir === "*";
  li.classList.add(own ? "own" : e.dir);
  if (e.kind === "open") li.classList.add("open");
  li.dataset.proto = e.proto ?? "";
  li.dataset.decision = dialogue.has(e.kind) ? "" : "yes";
  const where = `${e.node ?? ""} ${e.proto ?? ""}${e.conn ? " " + e.conn : ""}${e.secure ? " TLS" : ""}`;
  li.append(cell("when", e.time.slice(11, 23)), cell("where", where), cell("dir", own ? "*" : e.dir + ":"), cell("text", words(e)));
  li.hidden = hides(li);
  return li;
}

function hides(li) {
  const want = filter.value;
  if (want === "") return false;
  return want === "decision" ? li.dataset.decision === "" : li.dataset.proto !== want;
}

// One batch a frame, so that a flood of events does not freeze the page.
function show() {
  if (waiting.length > 0) {
    document.getElementById("empty").hidden = true;
    const batch = document.createDocumentFragment();
    for (const e of waiting.splice(0, 500)) batch.append(row(e));
    log.append(batch);
    while (log.childElementCount > most) log.firstElementChild.remove();
    if (follow.checked) window.scrollTo(0, document.body.scrollHeight);
  }
  requestAnimationFrame(show);
}

filter.addEventListener("change", () => {
  for (const li of log.children) li.hidden = hides(li);
});

stream("/events", {
  event(e) {
    waiting.push(e);
    if (waiting.length > most) waiting.splice(0, waiting.length - most);
  },
  state(now) { state.textContent = t({ live: "shell.live", lost: "shell.lost", connecting: "shell.connecting" }[now]); },
});
requestAnimationFrame(show);
