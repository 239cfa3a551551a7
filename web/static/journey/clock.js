import { boot, failed, get, h, post, t, time } from "../shell/shell.js";

// The lab's clock: what time it is there, and jumps. It returns a function that asks
// anew for what the clock can jump to.
export function openClock() {
  const bar = document.getElementById("clock");
  const now = h("span", { id: "lab-time" });
  let lead = 0;
  const tick = () => { now.textContent = t("journey.clock", { time: time(Date.now() + lead, "clock").slice(0, 8) }); };
  const take = (c) => {
    lead = Date.parse(c.now) - Date.now();
    for (const [what, b] of Object.entries(jumps)) b.disabled = !may || !c.next.some((n) => n.what === what);
    tick();
  };
  const move = (body) => post("/clock", body).then(take).catch(failed);
  const may = boot.operator || boot.lab;
  const jumps = {
    "next-retry": h("button", { text: t("journey.clock.retry"), onclick: () => move({ to: "next-retry" }) }),
    "next-expiry": h("button", { text: t("journey.clock.expiry"), onclick: () => move({ to: "next-expiry" }) }),
  };
  bar.hidden = false;
  bar.append(now, h("button", { id: "minute", disabled: !may, text: t("journey.clock.minute"), onclick: () => move({ advance: "1m" }) }), ...Object.values(jumps));
  const ask = () => document.hidden || get("/clock").then(take).catch(() => {});
  ask();
  setInterval(ask, 5000);
  setInterval(tick, 1000);
  return ask;
}
