
// Reading a matrix of labels cell by cell: the counts stand in the cells, the names in the headers.
function readConfusion(figure) {
  const table = figure.querySelector("table");
  const output = figure.querySelector("output");
  const hint = output.textContent;
  const taken = [...table.tHead.querySelectorAll("th[title]")];
  const rows = [...table.tBodies[0].rows];
  const count = (cell) => Number(cell.textContent.replaceAll(",", ""));

  function show(cell) {
    const row = cell.parentElement;
    const [times, all] = [count(cell), count(row.lastElementChild)];
    const share = all ? ` (${((100 * times) / all).toFixed(1)} %)` : "";
    const [truth, label] = [row.cells[0].title, taken[cell.cellIndex - 1].title].map(isolated);
    output.textContent = `${truth} taken for ${label}: ${times.toLocaleString("en")} of ${all.toLocaleString("en")}${share}`;
  }

  const body = table.tBodies[0];
  const point = (event) => {
    const cell = event.target.closest("td[tabindex]");
    if (cell) show(cell);
  };
  body.addEventListener("pointermove", point);
  body.addEventListener("pointerdown", point);
  body.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse") output.textContent = hint;
  });
  body.addEventListener("focusin", point);
  body.addEventListener("keydown", (event) => {
    if (!steps[event.key]) return;
    event.preventDefault();
    const from = event.target.closest("td");
    const [down, right] = steps[event.key];
    const row = clamp(rows.indexOf(from.parentElement) + down, 0, rows.length - 1);
    const cell = rows[row].cells[clamp(from.cellIndex + right, 1, taken.length)];
    from.tabIndex = -1;
    cell.tabIndex = 0;
    cell.focus();
  });
}

document.querySelectorAll(".confusion").forEach(readConfusion);
