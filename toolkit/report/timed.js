
// Figures along a player: a click on the axis, a word or an event leads there, and what is playing is lit.
function followTime(figure) {
  const player = figure.querySelector("audio, video");
  const timed = figure.querySelector(".timed");
  const frame = timed.parentElement;
  const seconds = Number(timed.dataset.seconds);
  const output = figure.querySelector(".reading output");
  const marks = [...figure.querySelectorAll("[data-start]")].map((button) => {
    const [start, end] = [Number(button.dataset.start), Number(button.dataset.end)];
    // An instant is lit long enough to be seen.
    return { button, start, end: Math.max(end, start + 0.2) };
  });

  function show() {
    const now = player.currentTime;
    timed.style.setProperty("--now", clamp(now / seconds, 0, 1));
    for (const { button, start, end } of marks) {
      const isOn = start <= now + 0.001 && now + 0.001 < end;
      button.classList.toggle("on", isOn);
      isOn ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current");
    }
    const x = (now / seconds) * timed.offsetWidth - frame.scrollLeft;
    if (!player.paused && (x < 0 || x > frame.clientWidth * 0.9)) frame.scrollLeft += x - frame.clientWidth * 0.1;
    if (!player.paused) requestAnimationFrame(show);
  }

  function seek(second) {
    if (!player) return;
    player.currentTime = clamp(second, 0, seconds);
    // A word is clicked to hear it, an event to look at it. A player that cannot play says so itself.
    if (player.tagName === "AUDIO") player.play().catch(() => {});
  }

  figure.addEventListener("click", (event) => {
    const button = event.target.closest("[data-start]");
    if (button) return seek(Number(button.dataset.start));
    if (!timed.contains(event.target)) return;
    const box = timed.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * seconds);
  });

  const tell = (event) => {
    const button = event.target.closest("[data-start]");
    if (button && output) output.textContent = button.title;
  };
  figure.addEventListener("pointerover", tell);
  figure.addEventListener("focusin", tell);

  figure.addEventListener("keydown", (event) => {
    const from = event.target.closest(".track [data-start]");
    if (!from || !steps[event.key]?.[1]) return;
    event.preventDefault();
    const row = [...from.parentElement.children];
    const to = row[clamp(row.indexOf(from) + steps[event.key][1], 0, row.length - 1)];
    from.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  });

  if (!player) return;
  timed.classList.add("led");
  for (const kind of ["timeupdate", "seeking", "play"]) player.addEventListener(kind, show);
  player.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio, video")) if (other !== player) other.pause();
  });
}

document.querySelectorAll(".recording, .timeline").forEach(followTime);
