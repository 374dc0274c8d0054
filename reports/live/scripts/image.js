// A row that is a picture: it is shown as one, and can be painted on.

/** The sheet that a net reads, as rows of columns; null where its inputs are no picture. */
function sheetOf(net, space, width) {
  const [site] = net.sites.filter(each => each.role === "input");
  if (net.moments > 1 || !space.populations.has(site.population) || site.size !== width) return null;
  const {slots, places} = space.populations.get(site.population);
  const rows = [...new Set(slots.filter((_, at) => at % 2 === 0))].sort((a, b) => a - b);
  const columns = [...new Set(slots.filter((_, at) => at % 2))].sort((a, b) => a - b);
  if (rows.length < 2 || columns.length < 2 || rows.length * columns.length !== width) return null;
  return {
    rows: rows.length,
    columns: columns.length,
    cells: Array.from({length: width}, (_, neuron) => [
      rows.indexOf(slots[2 * places[neuron]]),
      columns.indexOf(slots[2 * places[neuron] + 1]),
    ]),
  };
}

class Painting {
  /** told(column, value in the table's units) for every pixel that is painted. */
  constructor(sheet, task, told) {
    Object.assign(this, {task, sheet});
    this.cells = sheet.cells.map(([row, column]) =>
      svg("rect", {x: column, y: row, width: 1.02, height: 1.02, class: "f-ink"}),
    );
    this.element = svg(
      "svg",
      {
        class: "painting",
        viewBox: `0 0 ${sheet.columns} ${sheet.rows}`,
        role: "img",
        "aria-label": "The picture that the net reads; paint with the pointer, with Shift it erases",
      },
      svg("rect", {class: "paper", width: sheet.columns, height: sheet.rows}),
      ...this.cells,
    );
    const paint = event => {
      if (!(event.buttons & 1)) return;
      event.preventDefault();
      const box = this.element.getBoundingClientRect();
      const at = [
        Math.floor(((event.clientY - box.top) / box.height) * sheet.rows),
        Math.floor(((event.clientX - box.left) / box.width) * sheet.columns),
      ];
      const pixel = sheet.cells.findIndex(([row, column]) => row === at[0] && column === at[1]);
      if (pixel >= 0) told(pixel, this.task.ranges[2 * this._widest() + (event.shiftKey ? 0 : 1)]);
    };
    this.element.addEventListener("pointerdown", paint);
    this.element.addEventListener("pointermove", paint);
  }

  show(table) {
    const widest = this._widest(),
      low = this.task.ranges[2 * widest],
      high = this.task.ranges[2 * widest + 1];
    table.forEach((value, pixel) =>
      this.cells[pixel].setAttribute(
        "fill-opacity",
        length(Math.min(1, Math.max(0, (value - low) / (high - low || 1)))),
      ),
    );
  }

  /** The pixel with the widest range: it says what is bright and what is dark. */
  _widest() {
    const {ranges} = this.task,
      width = pixel => ranges[2 * pixel + 1] - ranges[2 * pixel];
    return this.cells.reduce((best, _, pixel) => (width(pixel) > width(best) ? pixel : best), 0);
  }
}
