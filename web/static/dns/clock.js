// The lab's clock moves at a press, so that nobody has to wait for a TTL.
import { failed, h, post, say, t } from "../shell/shell.js";

export function clock(bar, moved) {
  const move = (advance, text) => h("button", { type: "button", class: "small", text, onclick: () => post("/clock", { advance }).then(() => { say(text); moved(); }).catch(failed) });
  bar.append(h("span", { class: "clock", role: "group", "aria-label": t("dns.clock") }, h("span", { class: "soft", text: t("dns.clock") }), move("10s", t("dns.clock.seconds")), move("1m", t("dns.clock.minute"))));
}
