// A Story turns events into the rungs of a ladder: each line or datagram once,
// from one host to another, with the phase of its conversation.

const hostOf = (addr) => (addr ?? "").replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
const client = (e) => (e.side === "C" ? e.local : e.remote) ?? "";
const server = (e) => (e.side === "C" ? e.remote : e.local) ?? "";

export class Story {
  // hosts are {name, addrs} that are known; agents name the programs of readers
  // and senders, which no node observes.
  constructor(hosts = [], { fold = true, most = 600 } = {}) {
    this.fold = fold;
    this.most = most;
    this.names = new Map(); // address → name
    this.roles = new Map(); // name → role
    this.pairs = new Map(); // connection as addresses → the side that is shown
    this.talks = new Map(); // connection → {phase, text, pending}
    this.seen = new Map(); // datagrams
    this.rungs = [];
    this.count = 0;
    this.dropped = 0;
    for (const h of hosts) {
      this.roles.set(h.name, h.role);
      if (h.role !== "user-agent") for (const a of h.addrs ?? []) this.names.set(a, h.name);
    }
  }

  // add takes an event; it answers the rung that is new or has grown, or null.
  add(e) {
    if (e.node && e.local && e.side) this.names.set(hostOf(e.local) === "127.0.0.1" ? e.local : hostOf(e.local), e.node);
    if (this.#mirror(e)) return null;
    const talk = this.#talk(e);
    const [from, to] = this.#ends(e);
    const part = this.#part(talk, e);
    const last = this.rungs[this.rungs.length - 1];
    if (this.fold && last && part && last.part === part && last.key === talk.key && last.e.dir === e.dir) {
      last.events.push(e);
      return last;
    }
    const rung = { n: ++this.count, e, events: [e], from, to, phase: talk.phase, key: talk.key, part, before: talk.last, state: talk.state };
    if (e.kind === "line") talk.last = e;
    this.rungs.push(rung);
    if (this.rungs.length > this.most) {
      this.rungs.shift();
      this.dropped++;
    }
    return rung;
  }

  #mirror(e) {
    if (e.mirror !== undefined) return e.mirror;
    if (e.kind === "datagram") {
      const id = [client(e), server(e), e.dir, (e.bytes ?? "").slice(0, 40), e.text].join(" ");
      const at = Date.parse(e.time);
      const twice = this.seen.has(id) && at - this.seen.get(id) < 2000;
      twice ? this.seen.delete(id) : this.seen.set(id, at);
      if (this.seen.size > 5000) this.seen.delete(this.seen.keys().next().value);
      return twice;
    }
    if (!e.conn || !e.local || !e.side) return false;
    const pair = client(e) + " " + server(e);
    if (e.kind === "open" || !this.pairs.has(pair)) {
      const shown = this.pairs.get(pair);
      if (!shown || e.side === "C") this.pairs.set(pair, e.side);
      if (this.pairs.size > 5000) this.pairs.delete(this.pairs.keys().next().value);
      if (e.kind === "open" && shown) return true;
    }
    return this.pairs.get(pair) !== e.side;
  }

  #talk(e) {
    const key = e.local ? client(e) + " " + server(e) : (e.proto ?? "") + " " + (e.node ?? "");
    let talk = this.talks.get(key);
    if (!talk || e.kind === "open") {
      talk = { key, phase: e.proto === "dns" ? "lookup" : e.local ? "greeting" : phaseOf(e), text: false, state: e.local ? "connected" : "" };
      this.talks.set(key, talk);
      if (this.talks.size > 2000) this.talks.delete(this.talks.keys().next().value);
    }
    if (e.proto !== "dns" && !e.local) talk.phase = phaseOf(e);
    return talk;
  }

  #ends(e) {
    const node = e.node || "?";
    if (e.dir === "*" || !e.local) return [node, node];
    const far = this.#far(e);
    const fromNode = e.dir === e.side;
    return fromNode ? [node, far] : [far, node];
  }

  #far(e) {
    const known = this.names.get(e.remote) ?? this.names.get(hostOf(e.remote));
    if (known && known !== e.node) return known;
    const agent = [...this.roles].find(([, role]) => role === "user-agent")?.[0];
    const name = agent ?? (e.proto === "imap" ? "reader" : "client");
    if (!this.roles.has(name)) this.roles.set(name, "user-agent");
    return name;
  }

  // part names what several lines are one of: a reply, or message text.
  #part(talk, e) {
    if (e.kind !== "line" || e.proto !== "smtp") {
      if (e.kind === "line" && e.proto === "imap") imapPhase(talk, e);
      return "";
    }
    return smtpPart(talk, e);
  }
}

function phaseOf(e) {
  if (e.proto === "store") return "delivery";
  return e.proto === "dns" ? "lookup" : "queue";
}

// smtpPart follows a dialogue of SMTP (RFC 5321 §3).
function smtpPart(talk, e) {
  if (e.dir === "C") {
    if (talk.text) {
      if (e.text !== ".") return "text";
      talk.text = false;
      talk.verb = ".";
      return "";
    }
    talk.verb = (e.text ?? "").split(/[ :]/)[0].toUpperCase();
    if (talk.verb === "MAIL") talk.phase = "transfer";
    if (talk.verb === "QUIT") talk.phase = "closure";
    return "";
  }
  const [, code, more] = /^(\d{3})(-?)/.exec(e.text ?? "") ?? [];
  if (!more) {
    if (code === "354") talk.text = true;
    talk.state = smtpState(talk.state, talk.verb, code);
    const part = talk.replying ? "reply" : "";
    talk.replying = false;
    return part;
  }
  talk.replying = true;
  return "reply";
}

function smtpState(now, verb, code) {
  if (verb === "QUIT" && code === "221") return "closed";
  if (verb === "DATA" && code === "354") return "data";
  if (!code || code >= "400") return verb === "." ? "greeted" : now;
  const next = { HELO: "greeted", EHLO: "greeted", MAIL: "sender", RCPT: "recipients", ".": "greeted", RSET: "greeted", STARTTLS: "connected" };
  return next[verb] ?? now;
}

// imapPhase follows a dialogue of IMAP (RFC 9051 §3).
function imapPhase(talk, e) {
  const words = (e.text ?? "").split(" ");
  if (e.dir === "C") {
    if (words.length > 1) [talk.tag, talk.verb] = [words[0], words[1].toUpperCase()];
    if (talk.verb === "LOGOUT") talk.phase = "closure";
    return;
  }
  if (talk.state === "connected") talk.state = "not-authenticated";
  if (words[0] !== talk.tag || words[1] !== "OK") return;
  const next = { LOGIN: "authenticated", AUTHENTICATE: "authenticated", SELECT: "selected", EXAMINE: "selected", CLOSE: "authenticated", UNSELECT: "authenticated", LOGOUT: "closed" };
  talk.state = next[talk.verb] ?? talk.state;
  if (talk.state === "authenticated" || talk.state === "selected") talk.phase = "reading";
}

// textOf is what a rung says.
export function lineOf(e) {
  if (e.kind === "open" || e.kind === "close") return "";
  return e.text ?? "";
}
