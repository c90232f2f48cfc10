// Reading values off the figures, with a pointer or with the arrow keys. Without this script everything is still drawn.
"use strict";

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

// A token keeps its own writing direction inside a sentence of the page.
const isolated = (token) => `\u2068${token}\u2069`;

function readAttention(figure) {
  const table = figure.querySelector(".map");
  const output = figure.querySelector("output");
  const largest = Number(table.dataset.largest);
  const sources = [...table.tHead.querySelectorAll("th")];
  const rows = [...table.tBodies[0].rows];
  const numbers = sources.map((source) => source.appendChild(document.createElement("b")));
  const cursor = document.createElement("i");
  const hint = output.textContent;
  let at = { row: -1, column: -1 };

  const weightsOf = (row) => rows[row].dataset.weights.split(",").map(Number);
  const link = (weights, column) => `${isolated(sources[column].title)} ${(weights[column] / 1000).toFixed(2)}`;

  function clear() {
    rows[at.row]?.classList.remove("on");
    sources[at.column]?.classList.remove("at");
    figure.classList.remove("active");
    cursor.remove();
    numbers.forEach((number) => (number.textContent = ""));
    sources.forEach((source) => source.style.removeProperty("--share"));
    output.textContent = hint;
    at = { row: -1, column: -1 };
  }

  function show(row, column) {
    if (row === at.row && column === at.column) return;
    clear();
    at = { row, column };
    const weights = weightsOf(row);
    figure.classList.add("active");
    rows[row].classList.add("on");
    weights.forEach((weight, index) => {
      numbers[index].textContent = weight < 5 ? "0" : (weight / 1000).toFixed(2).replace(/^0/, "");
      sources[index].style.setProperty("--share", weight / largest);
    });
    if (column >= 0) {
      sources[column].classList.add("at");
      cursor.style.setProperty("--at", column);
      rows[row].cells[1].append(cursor);
    }
    const strongest = weights.map((_, index) => index).sort((a, b) => weights[b] - weights[a]).slice(0, 3);
    const links = column >= 0 ? [column] : strongest.filter((index) => weights[index] > 0);
    output.textContent = `${isolated(rows[row].cells[0].title)} ← ${links.map((index) => link(weights, index)).join(" · ")}`;
  }

  function focusRow(row) {
    rows.forEach((other, index) => other.cells[0].setAttribute("tabindex", index === row ? 0 : -1));
    rows[row].cells[0].focus();
  }

  const body = table.tBodies[0];
  const point = (event) => {
    const cell = event.target.closest("th, td");
    if (!cell) return;
    const box = cell.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * sources.length);
    show(rows.indexOf(cell.parentElement), cell.tagName === "TH" ? -1 : clamp(column, 0, sources.length - 1));
  };
  body.addEventListener("pointermove", point);
  body.addEventListener("pointerdown", point);
  body.addEventListener("pointerleave", (event) => {
    // A finger leaves as soon as it is lifted, and wants to read what it touched.
    if (event.pointerType === "mouse") clear();
  });
  body.addEventListener("focusin", (event) => show(rows.indexOf(event.target.closest("tr")), -1));
  body.addEventListener("focusout", (event) => {
    // Focus goes nowhere when a cell is touched, and that cell is being read.
    if (event.relatedTarget) clear();
  });
  body.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return clear();
    if (!steps[event.key]) return;
    event.preventDefault();
    const [down, right] = steps[event.key];
    const row = clamp(Math.max(at.row, 0) + down, 0, rows.length - 1);
    const column = clamp(at.column + right, -1, sources.length - 1);
    focusRow(row);
    show(row, column);
    (column >= 0 ? cursor : rows[row].cells[0]).scrollIntoView({ block: "nearest", inline: "nearest" });
  });
}

function readCurves(figure) {
  const frame = figure.querySelector(".scroll");
  const drawing = figure.querySelector("svg");
  const outputs = figure.querySelectorAll("output");
  const series = [...drawing.querySelectorAll("[data-values]")].map((line, index) => ({
    dot: line.nextElementSibling,
    output: outputs[index],
    corners: (line.getAttribute("d").match(/[\d.-]+,[\d.-]+/g) ?? []).map((corner) => corner.split(",").map(Number)),
    values: line.dataset.values.split("|"),
  }));
  const longest = series.reduce((best, one) => (one.corners.length > best.corners.length ? one : best));
  const nearest = (corners, x) =>
    corners.reduce((best, corner, index) => (Math.abs(corner[0] - x) < Math.abs(corners[best][0] - x) ? index : best), 0);
  let place = -1;

  function show(x) {
    frame.classList.add("reading");
    place = nearest(longest.corners, x);
    for (const { dot, output, corners, values } of series.filter((one) => one.corners.length)) {
      const index = nearest(corners, x);
      dot.setAttribute("cx", corners[index][0]);
      dot.setAttribute("cy", corners[index][1]);
      output.textContent = values[index];
    }
  }

  function clear() {
    frame.classList.remove("reading");
    series.forEach(({ output }) => (output.textContent = ""));
    place = -1;
  }

  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    show(((event.clientX - box.left) / box.width) * drawing.viewBox.baseVal.width);
  });
  drawing.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && clear());
  frame.addEventListener("blur", clear);
  frame.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return clear();
    if (!steps[event.key]?.[1]) return;
    event.preventDefault();
    place = clamp(place + steps[event.key][1], 0, longest.corners.length - 1);
    show(longest.corners[place][0]);
  });
}

// The page follows the system, until somebody asks for the other scheme.
function offerScheme(button) {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const other = () => ((root.dataset.scheme ?? (system.matches ? "dark" : "light")) === "dark" ? "light" : "dark");
  const say = () => (button.textContent = other() === "dark" ? "Dark colours" : "Light colours");
  button.addEventListener("click", () => {
    root.dataset.scheme = other();
    say();
  });
  system.addEventListener("change", say);
  say();
  button.hidden = false;
}

document.querySelectorAll(".scheme").forEach(offerScheme);
document.querySelectorAll(".attention").forEach(readAttention);
document.querySelectorAll(".curves").forEach(readCurves);

// Paper cannot be unfolded. (What only repeats a figure that is printed itself stays folded.)
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open], .attention details, .recording details, .timeline details)")) {
    fold.open = true;
    fold.dataset.unfolded = "";
  }
});
addEventListener("afterprint", () => {
  for (const fold of document.querySelectorAll("[data-unfolded]")) {
    fold.open = false;
    delete fold.dataset.unfolded;
  }
});

// A page around this one is told how high to make the frame, which has room for what is folded away elsewhere.
if (parent !== window) {
  for (const fold of document.querySelectorAll(".timeline details")) fold.open = true;
  new ResizeObserver(() => parent.postMessage({ reportHeight: document.body.scrollHeight }, "*")).observe(document.body);
}
