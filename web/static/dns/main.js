// The DNS page: the tree of names, how one is found, and what can be done to it.
import { failed, get, h, keys, post, t } from "../shell/shell.js";
import { Attacks } from "./attacks.js";
import { Cache } from "./cache.js";
import { clock } from "./clock.js";
import { Dissector } from "./dissector.js";
import { Faults } from "./faults.js";
import { Modes } from "./modes.js";
import { Registrar } from "./registrar.js";
import { Tabs } from "./tabs.js";
import { Tree } from "./tree.js";
import { Walk } from "./walk.js";
import { Zones } from "./zones.js";

const $ = (id) => document.getElementById(id);
const panel = (name) => $("panel-" + name);

// result is what the name system says; every answer has it in one field.
const result = async (call) => (await call).result;

const known = ["gaia.cs.umass.edu", "www.amazon.com", "www.ibm.com", "hamburger.edu", "crepes.fr", "relay1.bar.foo.com", "engineering.nyu.edu", "networkutopia.com", "โรงเรียน.ไทย"];

async function start() {
  const { features } = await get("/node");
  if (!features.dns) {
    $("names").replaceChildren(h("p", { class: "empty", text: t("dns.absent") }));
    return;
  }
  $("known-names").append(...known.map((value) => h("option", { value })));
  const tree = new Tree($("tree"));
  const dissector = new Dissector($("dissector"));
  const walk = new Walk(panel("walk"));
  const cache = new Cache(panel("cache"));
  const zones = new Zones(panel("zones"));
  const all = { walk, cache, zones, registrar: new Registrar(panel("registrar")), faults: new Faults(panel("faults")), attacks: new Attacks(panel("attacks")), modes: new Modes(panel("modes")) };
  const tabs = new Tabs($("tabs"), (name) => all[name].show?.().catch(failed));

  async function query(q) {
    const got = await result(post("/dns/query", q));
    dissector.show(got, q);
    await cache.refresh();
  }
  const typed = () => ({ name: $("name").value.trim(), type: $("type").value });
  const ask = () => query({ ...typed(), server: $("server").value, rd: $("rd").checked, dnssec: $("do").checked }).catch(failed);

  async function search() {
    tabs.choose("walk");
    const now = await result(get("/dns/mode"));
    const q = { ...typed(), recursive: $("manner").value === "recursive", again: true, validate: false, minimise: now.minimise, viaUmass: walk.detours($("name").value) };
    walk.draw(await result(post("/dns/walk", q)), q);
  }

  walk.onpath = (steps, name) => tree.light(steps, name);
  walk.onvia = () => search().catch(failed);
  walk.onmessage = (server, name, type, q) => query({ name, type, server, rd: q.recursive, dnssec: false, recursive: q.recursive, viaUmass: q.viaUmass }).then(() => dissector.reveal()).catch(failed);
  tree.onserver = (name) => { $("server").value = name; $("rd").checked = false; ask(); };
  tree.onzone = (zone) => { tabs.choose("zones"); zones.open(zone).catch(failed); };
  all.registrar.onchange = () => tree.load().catch(failed);
  $("ask").addEventListener("submit", (ev) => { ev.preventDefault(); search().catch(failed); });
  $("query").addEventListener("click", () => ask().then(() => dissector.reveal()));

  const servers = await tree.load();
  $("server").append(...servers.map((s) => h("option", { value: s.local ? "" : s.name, selected: s.local, text: s.local ? t("dns.server.local", { name: s.name.replace(/\.$/, "") }) : s.name.replace(/\.$/, "") || "." })));
  keys.add("/", "dns.key.name", () => $("name").select());
  keys.add("w", "dns.walk", () => search().catch(failed));
  keys.add("q", "dns.query", ask);
  keys.add("ArrowRight", "dns.key.forward", () => walk.step(1));
  keys.add("ArrowLeft", "dns.key.back", () => walk.step(-1));
  if (features.clock) clock($("ask"), () => cache.refresh().catch(failed));
  await search();
  await ask();
  dissector.scrollTop();
}

await start().catch(failed);
