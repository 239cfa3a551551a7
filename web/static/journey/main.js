import { boot, failed, get, h, keys, setting, stream, t } from "../shell/shell.js";
import { showBytes, showMeaning } from "./bytes.js";
import { openClock } from "./clock.js";
import { openHold, step, toggle, waits } from "./hold.js";
import { Ladder } from "./ladder.js";
import { JourneyList } from "./list.js";
import { showMachine } from "./machine.js";
import { HostMap } from "./map.js";
import { openShare } from "./share.js";
import { Story } from "./story.js";
import { openTerminal } from "./terminal.js";
import { whatIf } from "./whatif.js";

// The Journey page: a message's way, line by line, live or again.
const perFrame = 300; // events that one frame takes; older ones wait, and too many are a gap
const mostWaiting = 3000;

const node = await get("/node");
const known = [
  ...node.nodes.map((n) => ({ name: n.name, role: "mail-server" })),
  ...(node.features.dns ? (await get("/dns/tree").catch(() => ({ result: [] }))).result ?? [] : []).map((s) => ({ name: s.name.replace(/\.$/, ""), role: s.local ? "local-name-server" : "name-server" })),
];
const fold = h("input", { type: "checkbox", id: "fold" });
fold.checked = setting("fold") ?? true;
const fresh = () => new Story(known, { fold: fold.checked });

const over = new Set(["delivered", "bounced", "refused", "abandoned", "read"]); // states of journeys

let live = fresh(), shown = live, waiting = [], journey = "", events = 0, busy = false, asked = false;
const map = new HostMap();
const ladder = new Ladder((r) => { showBytes(r); showMeaning(r); showMachine(r); map.light(r); });
const saves = openShare((detail, name) => showDetail(detail, t("journey.opened", { file: name })));
const list = new JourneyList(open);
const title = document.getElementById("ladder-title");
const again = h("button", { id: "whatif", hidden: true, text: t("journey.whatif"), onclick: () => whatIf(journey) });
document.getElementById("ladder-tools").append(h("label", {}, fold, t("journey.fold")), again);

// display shows a story, from the newest rung on or at that of a number.
function display(story, name, at = null) {
  shown = story;
  title.textContent = name;
  document.getElementById("empty").hidden = story.rungs.length > 0;
  const used = new Set(story.rungs.flatMap((r) => [r.from, r.to]));
  map.show([...story.roles].filter(([n, role]) => used.has(n) || role === "mail-server" || (story === live && role === "local-name-server")));
  map.knows(story.rungs, story.roles);
  ladder.show(story, at);
}

function showDetail(detail, name, at) {
  const story = new Story(detail.hosts ?? [], { fold: fold.checked, most: 5000 });
  for (const s of detail.steps) story.add(s);
  display(story, name, at);
}

// open shows a journey: one that is over from its first rung on, one under way at
// its newest. It stays where the reader is when it is the same as before.
async function open(summary, id) {
  const same = id === journey;
  journey = id;
  events = summary?.events ?? events;
  saves(id);
  again.hidden = !id || !node.features.whatif;
  if (!id) return display(live, t("journey.live"));
  const detail = await get(`/journeys/${encodeURIComponent(id)}?lang=${boot.lang}`).catch(() => null);
  if (!detail || journey !== id) return;
  const start = over.has(detail.state) ? 1 : null;
  const place = ladder.following ? null : ladder.at?.n ?? 1;
  showDetail(detail, t("journey.of", { subject: detail.subject || t("journey.nosubject"), state: t("journey.state." + detail.state) }), same ? place : start);
}

function nextFrame() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(frame);
}

// frame takes what came since the last one.
function frame() {
  asked = false;
  if (waiting.length > mostWaiting) {
    const lost = waiting.length - perFrame;
    waiting = [{ kind: "gap", dir: "*", node: "…", size: lost, time: new Date().toISOString() }, ...waiting.slice(lost)];
  }
  const grown = new Set();
  for (const e of waiting.splice(0, perFrame)) {
    for (const r of live.add(e)) grown.add(r);
  }
  const rungs = [...grown].filter((r) => live.rungs.includes(r));
  if (shown === live) {
    map.knows(rungs, live.roles);
    ladder.draw(rungs);
  }
  if (waiting.length > 0) nextFrame();
  refreshSoon();
}

function refreshSoon() {
  if (busy) return;
  busy = true;
  setTimeout(async () => {
    await Promise.all([list.refresh(), map.count(), refreshClock()]);
    const now = list.items.find((j) => j.id === journey);
    if (now && now.events !== events) await open(now, journey);
    busy = false;
  }, 700);
}

fold.addEventListener("change", () => {
  setting("fold", fold.checked);
  const events = live.rungs.flatMap((r) => r.events);
  live = fresh();
  for (const e of events) live.add(e);
  journey ? open(null, journey) : display(live, t("journey.live"));
});

keys.add("Space", "journey.key.pause", toggle);
keys.add("ArrowRight", "journey.key.step", () => (waits() ? step() : ladder.move(1)));
keys.add("ArrowLeft", "journey.key.back", () => ladder.move(-1));
keys.add("ArrowDown", "journey.key.down", () => ladder.move(1));
keys.add("ArrowUp", "journey.key.up", () => ladder.move(-1));
keys.add("End", "journey.key.newest", () => ladder.move(Infinity));
keys.add("t", "journey.key.terminal", () => (document.querySelector("#terminal-line:enabled") ?? document.getElementById("terminal-connect"))?.focus());
keys.add("w", "journey.whatif", () => again.hidden || again.click());
keys.add("/", "journey.key.search", () => document.getElementById("search").focus());
keys.add("b", "journey.key.bytes", () => document.querySelector("#bytes .scroll")?.focus());
keys.add("f", "journey.key.fold", () => fold.click());
keys.add("p", "shell.keys.projector", () => document.getElementById("projector").click());
for (let n = 0; n < 10; n++) keys.add(String(n), n === 0 ? "journey.key.live" : "journey.key.journey", () => list.choose(n));

if (node.features.hold) openHold(node.nodes);
const refreshClock = node.features.clock ? openClock() : () => {};
if (node.features.terminals) openTerminal(node.nodes);
saves("");
display(live, t("journey.live"));
map.count();
list.refresh();
const named = new URLSearchParams(location.search).get("journey"); // the mail page leads to the journey of a message
if (named) get(`/journeys/${encodeURIComponent(named)}`).then((j) => list.pick(j.id)).catch(failed);
stream("/events?rate=200&lang=" + boot.lang, {
  event: (e) => { waiting.push(e); nextFrame(); },
  state: (now) => { document.getElementById("state").textContent = { live: "● ", lost: "✕ ", connecting: "… " }[now] + t("shell." + now); },
});
