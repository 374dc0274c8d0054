// Small charts that follow the net: predicted over true, confusions, right and wrong over two tokens, decision regions.

const PLOT = {size: 268, left: 46, top: 26, right: 10, bottom: 38};

/** The charts that suit a task; each has `element` and `update(outcome)`. */
function chartsOf(player) {
  const {task} = player;
  const charts = [];
  if (!task.isClassification)
    task.answer_names.slice(0, 6).forEach((_, answer) => charts.push(new Scatter(player, answer)));
  else if (task.answer_names.length <= 12) charts.push(new Confusions(player));
  if (task.isClassification && task.tokens.length === 2) charts.push(new PairMap(player));
  if (!task.tokens.length && player.net.moments === 1 && task.width === 2) charts.push(...planesOf(player));
  return charts;
}

function scale(low, high, start, end) {
  const room = high - low || 1;
  return value => start + ((Math.min(Math.max(value, low), high) - low) / room) * (end - start);
}

function rangeOf(...arrays) {
  let low = Infinity,
    high = -Infinity;
  for (const array of arrays)
    for (const value of array) {
      if (Number.isFinite(value)) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
  if (low > high) return [0, 1];
  const room = 0.04 * (high - low) || 0.5;
  return [low - room, high + room];
}

/** An empty chart with a title, axes' names and the numbers at the ends of the axes. */
function chart({label, title, x, y, xName, yName}) {
  const {size, left, top, right, bottom} = PLOT,
    small = {class: "f-muted", "font-size": 11};
  const heading = svg("text", {class: "f-ink", x: left, y: 15, "font-size": 12.5, "font-weight": 600, text: title});
  const marks = svg("g", {});
  const root = svg(
    "svg",
    {class: "chart", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, xmlns: SVG},
    svg("path", {class: "s-faint", fill: "none", d: `M${left} ${top}V${size - bottom}H${size - right}`}),
    marks,
    heading,
    svg("text", {...small, x: left, y: size - bottom + 14, text: number(x[0], 2)}),
    svg("text", {...small, x: size - right, y: size - bottom + 14, "text-anchor": "end", text: number(x[1], 2)}),
    svg("text", {...small, x: left - 5, y: size - bottom, "text-anchor": "end", text: number(y[0], 2)}),
    svg("text", {...small, x: left - 5, y: top + 9, "text-anchor": "end", text: number(y[1], 2)}),
    svg("text", {
      ...small,
      class: "f-ink",
      x: (left + size - right) / 2,
      y: size - 6,
      "text-anchor": "middle",
      text: fitted(xName, 200, 11),
    }),
    svg("text", {
      ...small,
      class: "f-ink",
      x: 12,
      y: (top + size - bottom) / 2,
      "text-anchor": "middle",
      transform: `rotate(-90 12 ${(top + size - bottom) / 2})`,
      text: fitted(yName, 200, 11),
    }),
  );
  return {root, marks, heading};
}

const dots = (points, width, attributes) =>
  svg("path", {
    fill: "none",
    "stroke-linecap": "round",
    "stroke-width": width,
    d: points.map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join(""),
    ...attributes,
  });

class Scatter {
  constructor({task, base}, answer) {
    const truth = Float64Array.from(task.columnsOfTargets[answer], value => task.said(answer, value));
    const said = base.answers[answer].map(value => task.said(answer, value)),
      ends = rangeOf(truth, said);
    const name = task.answer_names[answer];
    Object.assign(this, {task, answer, truth, before: said});
    this.x = scale(...ends, PLOT.left, PLOT.size - PLOT.right);
    this.y = scale(...ends, PLOT.size - PLOT.bottom, PLOT.top);
    const made = chart({label: "", title: name, x: ends, y: ends, xName: `true ${name}`, yName: "predicted"});
    Object.assign(this, made, {element: made.root, name});
  }

  update({answers, scores, row}) {
    const said = answers[this.answer],
      place = at => [this.x(this.truth[at]), this.y(this.task.said(this.answer, said[at]))];
    const all = Array.from({length: said.length}, (_, at) => place(at));
    const ghosts = Array.from(this.before, (value, at) => [this.x(this.truth[at]), this.y(value)]);
    const {left, top, right, bottom, size} = PLOT,
      score = `R² ${number(scores.perOutput[this.answer])}`;
    this.marks.replaceChildren(
      svg("path", {class: "s-muted", "stroke-dasharray": "4 3", d: `M${left} ${size - bottom}L${size - right} ${top}`}),
      dots(ghosts, 3.4, {class: "s-faint", "stroke-opacity": 0.7}),
      dots(all, 3.8, {class: "s-positive", "stroke-opacity": 0.75}),
      ...(row === null
        ? []
        : [
            svg("circle", {
              class: "s-ink",
              fill: "none",
              "stroke-width": 1.8,
              cx: place(row)[0],
              cy: place(row)[1],
              r: 5,
            }),
          ]),
    );
    this.heading.textContent = `${fitted(this.name, 110, 12.5)}: ${score}`;
    this.root.setAttribute(
      "aria-label",
      `Predicted over true ${this.name}, ${said.length} test rows, ${score}; grey: before ablation`,
    );
  }
}

class Confusions {
  constructor({task, model}) {
    this.task = task;
    this.names = task.class_names.length ? task.class_names : task.answer_names;
    const head = this.names.map(name => html("th", {scope: "col", text: fitted(name, 70, 12), title: name}));
    this.cells = this.names.map(() => this.names.map(() => html("td", {})));
    const table = html(
      "table",
      {class: "confusions"},
      html("caption", {text: "True class by row, said class by column"}),
      html("thead", {}, html("tr", {}, html("td", {}), ...head)),
      html(
        "tbody",
        {},
        ...this.cells.map((row, truth) =>
          html(
            "tr",
            {},
            html("th", {scope: "row", text: fitted(this.names[truth], 90, 12), title: this.names[truth]}),
            ...row,
          ),
        ),
      ),
    );
    this.element = html(
      "div",
      {},
      html("div", {class: "scroll", role: "region", "aria-label": `Confusions of ${model.name}`, tabindex: 0}, table),
    );
  }

  update({answers}) {
    const said = this.task.classes(answers),
      counts = this.names.map(() => this.names.map(() => 0));
    said.forEach((each, row) => counts[this.task.targets[row]][each]++);
    counts.forEach((row, truth) => {
      const total = Math.max(
        row.reduce((sum, count) => sum + count, 0),
        1,
      );
      row.forEach((count, each) => {
        const share = count ? Math.max(Math.round((8 * count) / total), 1) : 0;
        fill(this.cells[truth][each], {
          text: String(count),
          class: `${each === truth ? "right" : "wrong"} shade${share}`,
        });
      });
    });
  }
}

/** One cell for every test row of a task with two tokens: right or wrong. */
class PairMap {
  constructor({task}) {
    this.task = task;
    const most = task.token_names.length - 1,
      [one, other] = task.tokens;
    const made = chart({label: "", title: "", x: [0, most], y: [0, most], xName: one, yName: other});
    Object.assign(this, made, {element: made.root});
    const room = PLOT.size - PLOT.left - PLOT.right,
      high = PLOT.size - PLOT.top - PLOT.bottom;
    this.side = [room / (most + 1), high / (most + 1)];
  }

  update({answers, row}) {
    const said = this.task.classes(answers),
      [wide, high] = this.side,
      paths = {positive: "", negative: ""};
    const place = at => [
      PLOT.left + this.task.inputs[2 * at] * wide,
      PLOT.size - PLOT.bottom - (this.task.inputs[2 * at + 1] + 1) * high,
    ];
    let right = 0;
    said.forEach((each, at) => {
      const good = each === this.task.targets[at],
        [x, y] = place(at);
      right += Number(good);
      paths[good ? "positive" : "negative"] +=
        `M${x.toFixed(2)} ${y.toFixed(2)}h${(0.9 * wide).toFixed(2)}v${(0.9 * high).toFixed(2)}h-${(0.9 * wide).toFixed(2)}z`;
    });
    this.marks.replaceChildren(
      ...Object.entries(paths).map(([tone, d]) => svg("path", {class: `f-${tone}`, d, "fill-opacity": 0.85})),
      ...(row === null
        ? []
        : [
            svg("rect", {
              class: "s-ink",
              fill: "none",
              "stroke-width": 1.6,
              x: place(row)[0],
              y: place(row)[1],
              width: wide,
              height: high,
            }),
          ]),
    );
    this.heading.textContent = `right on ${right} of ${said.length} test rows`;
    this.root.setAttribute(
      "aria-label",
      `Test rows over both tokens: ${right} of ${said.length} right (blue), the others wrong (vermilion)`,
    );
  }
}

const STEPS = 64,
  LEVELS = 10;

/** The regions of all classes, or one map of heights for every answer, over two inputs. */
function planesOf(player) {
  return player.task.isClassification
    ? [new Plane(player, null)]
    : player.task.answer_names.slice(0, 4).map((_, answer) => new Plane(player, answer));
}

class Plane {
  constructor(player, answer) {
    const {task, net} = player;
    const [x, y] = [0, 1].map(column => {
      const low = task.ranges[2 * column],
        high = task.ranges[2 * column + 1],
        room = 0.08 * (high - low);
      return [low - room, high + room];
    });
    Object.assign(this, {task, net, answer, grid: Plane.grid(player, x, y)});
    const title = answer === null ? "what it says everywhere" : fitted(task.answer_names[answer], 200, 12);
    const made = chart({label: "", title, x, y, xName: task.columns[0], yName: task.columns[1]});
    Object.assign(this, made, {
      element: made.root,
      x: scale(...x, PLOT.left, PLOT.size - PLOT.right),
      y: scale(...y, PLOT.size - PLOT.bottom, PLOT.top),
    });
    this.points = Array.from({length: task.rows}, (_, row) => {
      const inputs = task.row(row);
      return [this.x(task.toTable(0, inputs[0])), this.y(task.toTable(1, inputs[1]))];
    });
    this.ends = answer === null ? null : rangeOf(net.answersOf(this.grid.known)[answer]);
  }

  /** The grid's inputs and what the whole net says to them; shared by all maps of a player. */
  static grid(player, x, y) {
    if (!player.grid) {
      const inputs = new Float64Array(2 * STEPS * STEPS);
      for (let at = 0; at < STEPS * STEPS; at++) {
        inputs[2 * at] = player.task.toNet(0, x[0] + ((x[1] - x[0]) * ((at % STEPS) + 0.5)) / STEPS);
        inputs[2 * at + 1] = player.task.toNet(1, y[0] + ((y[1] - y[0]) * (Math.floor(at / STEPS) + 0.5)) / STEPS);
      }
      player.grid = {inputs, known: player.net.run(inputs, 2)};
    }
    return player.grid;
  }

  update({edits, row}) {
    const values = edits ? this.net.run(this.grid.inputs, 2, edits, this.grid.known) : this.grid.known;
    const answers = this.net.answersOf(values);
    const steps =
      this.answer === null
        ? this.task.classes(answers)
        : answers[this.answer].map(value =>
            Math.min(
              LEVELS - 1,
              Math.max(0, Math.floor((LEVELS * (value - this.ends[0])) / (this.ends[1] - this.ends[0]))),
            ),
          );
    const paths = new Map(),
      wide = (PLOT.size - PLOT.left - PLOT.right) / STEPS,
      high = (PLOT.size - PLOT.top - PLOT.bottom) / STEPS;
    for (let line = 0; line < STEPS; line++) {
      for (let from = 0; from < STEPS;) {
        let to = from + 1;
        while (to < STEPS && steps[line * STEPS + to] === steps[line * STEPS + from]) to++;
        const step = steps[line * STEPS + from],
          x = PLOT.left + from * wide,
          y = PLOT.size - PLOT.bottom - (line + 1) * high;
        paths.set(
          step,
          `${paths.get(step) || ""}M${x.toFixed(2)} ${y.toFixed(2)}h${((to - from) * wide).toFixed(2)}v${(high + 0.2).toFixed(2)}H${x.toFixed(2)}z`,
        );
        from = to;
      }
    }
    const fills = [...paths].map(([step, d]) =>
      svg("path", {
        d,
        ...(this.answer === null
          ? {class: `f-module${step % 8}`, "fill-opacity": 0.35}
          : {class: "f-positive", "fill-opacity": length(0.05 + (0.8 * step) / (LEVELS - 1))}),
      }),
    );
    this.marks.replaceChildren(
      ...fills,
      ...this._rows(),
      ...(row === null
        ? []
        : [
            svg("circle", {
              class: "s-ink",
              fill: "none",
              "stroke-width": 1.8,
              cx: this.points[row][0],
              cy: this.points[row][1],
              r: 5,
            }),
          ]),
    );
    this.root.setAttribute(
      "aria-label",
      `Map over ${this.task.columns[0]} and ${this.task.columns[1]}; points are test rows`,
    );
  }

  _rows() {
    if (this.answer !== null) return [dots(this.points, 2.4, {class: "s-ink", "stroke-opacity": 0.6})];
    const classes = this.task.answer_names.map((_, each) =>
      this.points.filter((_, row) => this.task.targets[row] === each),
    );
    return classes.map((points, each) => dots(points, 3.6, {class: `s-module${each % 8}`}));
  }
}
