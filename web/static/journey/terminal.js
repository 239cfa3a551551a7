import { h, setting, socket, t } from "../shell/shell.js";

// A terminal on the ports of the nodes. What is typed goes out as it is, with
// CR LF behind each line.
const most = 400; // lines kept

const scripts = {
  smtp: ["HELO crepes.fr", "MAIL FROM:<alice@crepes.fr>", "RCPT TO:<bob@hamburger.edu>", "DATA", "Do you like ketchup?", "How about pickles?", ".", "QUIT"],
  submission: ["EHLO crepes.fr", "AUTH PLAIN AGFsaWNlAGFsaWNl", "MAIL FROM:<alice@crepes.fr>", "RCPT TO:<bob@hamburger.edu>", "DATA", "Subject: Lunch", "", "Do you like ketchup?", ".", "QUIT"],
  imap: ["a1 LOGIN bob bob", "a2 SELECT INBOX", "a3 FETCH 1 BODY[]", "a4 LOGOUT"],
};

export function openTerminal(nodes) {
  const box = document.getElementById("terminal");
  const places = nodes.flatMap((n) => Object.keys(scripts).filter((s) => n.addrs[s]?.length).map((s) => ({ node: n.name, service: s })));
  const last = setting("terminal");
  const where = h("select", { id: "terminal-where", "aria-label": t("journey.terminal.where") },
    ...places.map((p, i) => h("option", { value: i, selected: last ? last === `${p.node} ${p.service}` : p.node === "hamburger.edu" && p.service === "smtp", text: `${p.node} · ${p.service}` })));
  const connect = h("button", { id: "terminal-connect", class: "primary", text: t("journey.terminal.connect") });
  const log = h("ol", { id: "terminal-log", tabindex: "0", "aria-label": t("journey.terminal.log"), "aria-live": "off" });
  const line = h("input", { id: "terminal-line", "aria-label": t("journey.terminal.line"), autocomplete: "off", spellcheck: "false", autocapitalize: "off", disabled: true, maxlength: "8000" });
  const hint = h("p", { class: "soft hint", text: t("journey.terminal.start") });
  box.append(h("div", { class: "group" }, where, connect), log, h("div", { class: "prompt" }, h("span", { text: "C:", "aria-hidden": "true" }), line), hint);
  let ws = null, step = 0, rest = "", place = null;

  const suggestion = () => scripts[place?.service]?.[step] ?? "";
  const suggest = () => { line.placeholder = ws ? suggestion() : ""; };
  const write = (letter, text) => {
    log.append(h("li", { class: letter }, h("b", { text: letter === "*" ? "*" : letter + ":" }), " ", text));
    while (log.childElementCount > most) log.firstElementChild.remove();
    log.scrollTop = log.scrollHeight;
  };
  const closed = () => {
    if (!ws) return;
    ws = null;
    line.disabled = true;
    connect.textContent = t("journey.terminal.connect");
    write("*", t("journey.terminal.closed"));
    suggest();
  };

  connect.addEventListener("click", () => {
    if (ws) return ws.close();
    place = places[where.value];
    setting("terminal", `${place.node} ${place.service}`);
    const decoder = new TextDecoder();
    [step, rest] = [0, ""];
    log.replaceChildren();
    write("*", t("journey.terminal.calling", place));
    ws = socket(`/terminals/ws?node=${encodeURIComponent(place.node)}&service=${place.service}`);
    ws.binaryType = "arraybuffer";
    ws.onopen = () => {
      line.disabled = false;
      line.focus();
      connect.textContent = t("journey.terminal.hangup");
      hint.textContent = t("journey.terminal.hint");
      suggest();
    };
    ws.onmessage = (m) => {
      const lines = (rest + decoder.decode(m.data, { stream: true })).split("\r\n");
      rest = lines.pop();
      for (const one of lines) write("S", one);
    };
    ws.onclose = closed;
  });

  line.addEventListener("keydown", (ev) => {
    const accepts = (ev.key === "Tab" && !ev.shiftKey) || ev.key === "ArrowRight";
    if (accepts && line.value === "" && suggestion() !== "") {
      ev.preventDefault();
      line.value = suggestion();
      return;
    }
    if (ev.key !== "Enter" || !ws || ev.isComposing) return;
    const text = line.value;
    ws.send(new TextEncoder().encode(text + "\r\n"));
    write("C", text);
    const same = text.split(/[ :]/)[0].toUpperCase() === suggestion().split(/[ :]/)[0].toUpperCase();
    if (same || suggestion() === "" || /^(Do|How|Subject)/.test(suggestion())) step++;
    line.value = "";
    suggest();
  });
}
