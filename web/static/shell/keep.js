// Drawing a box anew without taking anything away from who is using it: the focus from
// who works by keys, and the thing under the finger from who is just pressing it.

let pressed = null; // what a mouse or finger is on
const waiting = new Map(); // box → how it will be drawn

document.addEventListener("pointerdown", (ev) => { pressed = ev.target; }, true);
// A finger's click comes a moment after the finger has gone.
for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, (ev) => setTimeout(release, ev.pointerType === "touch" ? 100 : 0), true);

function release() {
  pressed = null;
  const owed = [...waiting];
  waiting.clear();
  for (const [box, draw] of owed) keep(box, draw);
}

// keep draws a box as soon as nothing in it is being pressed, and gives the focus back
// to the control with the same data-key.
export function keep(box, draw) {
  if (pressed && pressed !== box && box.contains(pressed)) {
    waiting.set(box, draw);
    return;
  }
  waiting.delete(box);
  const had = box.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  draw();
  if (had === undefined) return;
  const now = [...box.querySelectorAll("[data-key]")].find((e) => e.dataset.key === had);
  (now ?? box).focus({ preventScroll: true });
}
