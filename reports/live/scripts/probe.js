// One row of inputs that can be changed by hand: sliders, what the net says to it, and the activations on the way.

const MOST_SLIDERS = 24,
  MOST_SAID = 12,
  FIRST = 6; // of more classes the first few are said

class Probe {
  /** changed(inputs) is told whenever a slider moved. */
  constructor({task, net, space}, changed) {
    Object.assign(this, {task, net, changed, row: null});
    this.inputs = task.row(0);
    const sheet = task.tokens.length ? null : sheetOf(net, space, task.width);
    this.painting = sheet && new Painting(sheet, task, (column, value) => this._move(column, value));
    this.sliders = sheet ? [] : task.columns.slice(0, MOST_SLIDERS).map((name, column) => this._slider(name, column));
    this.chooser = html("input", {
      type: "number",
      min: 0,
      max: task.rows - 1,
      value: "",
      step: 1,
      "aria-label": "number of a test row",
      oninput: () => this.choose(parseFloat(this.chooser.value)),
    });
    this.isShort = task.isClassification && task.answer_names.length > MOST_SAID;
    this.said = Array.from({length: Math.min(task.answer_names.length, this.isShort ? FIRST : MOST_SAID)}, () => ({
      element: html("output", {class: "value"}),
      label: html("span", {}),
    }));
    const more =
      !sheet && task.columns.length > MOST_SLIDERS
        ? html("p", {
            class: "quiet small",
            text: `The first ${MOST_SLIDERS} of ${task.columns.length} inputs; the others stay as in the test row.`,
          })
        : null;
    this.element = html(
      "div",
      {class: "probe"},
      html("label", {class: "row"}, html("span", {text: "as in test row"}), this.chooser),
      this.painting
        ? this.painting.element
        : html("div", {class: "sliders"}, ...this.sliders.map(each => each.element)),
      more,
      html(
        "dl",
        {class: "said", "aria-live": "polite"},
        ...this.said.map(({label, element}) => html("div", {}, html("dt", {}, label), html("dd", {}, element))),
      ),
    );
    this._show();
  }

  /** Takes the inputs of a test row; tells whether there is such a row. */
  choose(row) {
    if (!(Number.isInteger(row) && row >= 0 && row < this.task.rows)) return false;
    this.inputs = this.task.row(row);
    this._took(row);
    return true;
  }

  /** Takes inputs in the table's units, as an address says them; tells whether it said any. */
  set(values) {
    const said = values.slice(0, this.inputs.length);
    said.forEach((value, column) => {
      if (Number.isFinite(value)) this.inputs[column] = this._read(column, value);
    });
    this._took(null);
    return said.some(Number.isFinite);
  }

  /** Goes back to what is shown before anything is moved. */
  forget() {
    this.inputs = this.task.row(0);
    this._took(null);
  }

  /** The inputs in the table's units. */
  get table() {
    return Array.from(this.inputs, (value, column) => this._written(column, value));
  }

  /** Runs the net on this row and shows what it says. */
  update(edits) {
    this.values = this.net.run(
      this.inputs,
      this.task.width,
      edits,
      edits ? this.net.run(this.inputs, this.task.width) : null,
    );
    const answers = this.net.answersOf(this.values);
    const best = this.task.isClassification ? this.task.classes(answers)[0] : null;
    const order = answers.map((_, answer) => answer);
    if (this.isShort) order.sort((a, b) => answers[b][0] - answers[a][0]);
    this.said.forEach(({element, label}, rank) => {
      const answer = order[rank],
        value = this.task.said(answer, answers[answer][0]),
        name = this.task.answer_names[answer];
      fill(element, {"data-output": name, "data-value": String(value), text: number(value)});
      fill(label, {text: name, class: answer === best ? "best" : ""});
    });
  }

  _slider(name, column) {
    const [low, high] = [this.task.ranges[2 * column], this.task.ranges[2 * column + 1]];
    const isToken = this.task.tokens.length > 0,
      step = isToken ? 1 : "any";
    const move = value => {
      if (value !== "" && Number.isFinite(Number(value))) this._move(column, Number(value));
    };
    const slider = html("input", {
      type: "range",
      min: low,
      max: high,
      step,
      "data-input": name,
      "aria-label": name,
      oninput: event => move(event.target.value),
    });
    const exact = html("input", {
      type: "number",
      step,
      "aria-label": `${name}, exactly`,
      onchange: event => move(event.target.value),
    });
    const token = isToken ? html("span", {class: "token"}) : null;
    return {
      column,
      slider,
      exact,
      token,
      element: html(
        "div",
        {class: "slider"},
        html("span", {class: "name", title: name, text: name}),
        slider,
        exact,
        token,
      ),
    };
  }

  _move(column, value) {
    this.inputs[column] = this._read(column, value);
    this._took(null);
  }

  _took(row) {
    this.row = row;
    this._show();
    this.changed();
  }

  _show() {
    if (this.painting) this.painting.show(this.table);
    for (const {column, slider, exact, token} of this.sliders) {
      const value = this._written(column, this.inputs[column]);
      slider.value = value;
      if (document.activeElement !== exact) exact.value = Number(value.toPrecision(5));
      if (token)
        token.textContent = this.task.token_names[value] === String(value) ? "" : this.task.token_names[value] || "";
    }
    this.chooser.value = this.row === null ? "" : this.row;
  }

  _read(column, value) {
    const [low, high] = [this.task.ranges[2 * column], this.task.ranges[2 * column + 1]];
    return this.task.tokens.length ? Math.min(high, Math.max(low, Math.round(value))) : this.task.toNet(column, value);
  }
  _written(column, value) {
    return this.task.tokens.length ? value : this.task.toTable(column, value);
  }
}
