// A Story turns events into the rungs of a ladder: each line or datagram once,
// from one host to another, with the phase of its conversation. Who is at the ends,
// what is told twice, phases and states stand in the events.

export class Story {
  // hosts are {name, role} that are known before anything is said.
  constructor(hosts = [], { fold = true, most = 600 } = {}) {
    this.fold = fold;
    this.most = most;
    this.roles = new Map(hosts.map((h) => [h.name, h.role])); // name → role
    this.talks = new Map(); // connection → its rungs whose other end has shown no name yet
    this.rungs = [];
    this.count = 0;
    this.dropped = 0;
  }

  // add takes an event; it answers the rungs that are new or have changed.
  add(e) {
    const named = this.#introduce(e);
    if (e.mirror) return named;
    const last = this.rungs[this.rungs.length - 1];
    const goesOn = e.kind === "line" && e.proto === "smtp" && e.dir === "S" && /^\d{3}-/.test(e.text ?? "");
    if (this.fold && last && last.e.conn === e.conn && last.e.dir === e.dir && e.kind === "line" && (last.goesOn || (last.e.content && e.content))) {
      last.events.push(e);
      last.goesOn = goesOn;
      return [...named, last];
    }
    const rung = { n: ++this.count, e, events: [e], goesOn, phase: e.phase || "queue", state: e.after ?? "" };
    [rung.from, rung.to] = this.#ends(e);
    rung.key = e.conn ?? `${e.proto ?? ""} ${e.node ?? ""}`;
    this.rungs.push(rung);
    if (e.conn && !e.peer) this.talks.set(e.conn, [...(this.talks.get(e.conn) ?? []), rung]);
    if (this.rungs.length > this.most) {
      this.rungs.shift();
      this.dropped++;
    }
    return [...named, rung];
  }

  // #introduce gives the name of the other end to what was said before it was known.
  #introduce(e) {
    if (e.peer && !this.roles.has(e.peer.name)) this.roles.set(e.peer.name, e.peer.role);
    const before = e.conn ? this.talks.get(e.conn) : undefined;
    if (!before || (!e.peer && e.kind !== "close")) return [];
    this.talks.delete(e.conn);
    if (!e.peer) return [];
    for (const r of before) {
      r.e.peer = e.peer;
      [r.from, r.to] = this.#ends(r.e);
    }
    const stranger = strangerOf(e);
    if (![...this.talks.values()].flat().some((r) => r.from === stranger || r.to === stranger)) this.roles.delete(stranger);
    return before.filter((r) => r.from !== r.to);
  }

  #ends(e) {
    const node = e.node || "?";
    if (!this.roles.has(node)) this.roles.set(node, e.proto === "dns" ? "name-server" : "mail-server");
    if (e.dir === "*" || !e.side) return [node, node];
    const far = e.peer?.name ?? strangerOf(e);
    if (!this.roles.has(far)) this.roles.set(far, "user-agent");
    return e.dir === e.side ? [node, far] : [far, node];
  }
}

// strangerOf is who has not shown who it is.
const strangerOf = (e) => (e.proto === "imap" ? "reader" : "client");
