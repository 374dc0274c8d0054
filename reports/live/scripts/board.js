// The controls and read-outs around a picture.

const VIEWS = {pruned: "after pruning", trained: "as trained", film: "training film"};
const SLOW = 12; // milliseconds of one pass, beyond which modules are scored after the click has been answered

class Board {
  constructor(stage) {
    this.stage = stage;
    const {player, model, task, picture} = stage;
    this.metric = html("output", {"data-metric": "", class: "metric", "aria-live": "polite"});
    this.change = html("p", {class: "quiet small"});
    this.list = html("ul", {class: "chips", "aria-label": "What is cut"});
    this.about = html("div", {class: "about"});
    this.legend = html("ul", {class: "legend", "aria-label": "legend"});
    this.outputs =
      task.answer_names.length > 1 && task.answer_names.length <= 12
        ? task.answer_names.map(name => html("td", {}))
        : [];
    this.film = player.film ? new FilmBar(stage, player.film) : null;
    this.modules = model.modules.map(module => new ModuleRow(stage, module));
    this.element = html(
      "div",
      {class: "stage", "data-stage": model.name},
      stage.isOneOfMany ? html("h3", {class: "title", text: model.name}) : null,
      this._bar(picture),
      html(
        "div",
        {class: "board"},
        html("div", {class: "scene"}, picture.root, this._turning(), this.legend),
        html("div", {class: "side"}, this._readout(), this.about),
        this.film && this.film.element,
      ),
      html(
        "div",
        {class: "below"},
        this._group("A row by hand", stage.probe.element),
        ...(stage.charts.length
          ? [this._group("What it says", html("div", {class: "charts"}, ...stage.charts.map(each => each.element)))]
          : []),
      ),
      this.modules.length ? this._group("Modules now", this._moduleTable()) : null,
    );
    this.details(null);
  }

  /** Shows what is the case now. */
  show() {
    const {stage} = this,
      {cuts} = stage.player,
      {outcome} = stage;
    for (const [name, button] of Object.entries(this.views))
      button.setAttribute("aria-pressed", String(name === stage.view));
    this.colours.value = stage.colour;
    this._legend();
    this.methods.value = cuts.method;
    this.undoing.disabled = !cuts.past.length;
    this.clearing.disabled = !cuts.names.size;
    this.closing.hidden = !stage.player.scene.open.size;
    if (this.film) this.film.show();
    this.list.replaceChildren(
      ...[...cuts.names].map(name =>
        html(
          "li",
          {},
          html("button", {
            type: "button",
            class: "chip",
            "aria-label": `restore ${name}`,
            onclick: () => stage.toggle(name),
            text: `${name.replace("->", " → ")} ×`,
          }),
        ),
      ),
    );
    this._hint.hidden = cuts.names.size > 0;
    if (!outcome) return;
    const {scores} = outcome,
      before = stage.player.base.scores;
    this.metric.setAttribute("data-metric", String(scores.metric));
    const digits = String(scores.metric),
      cutAt =
        Number.isInteger(scores.metric) || digits.includes("e")
          ? digits.length
          : Math.min(digits.indexOf(".") + 5, digits.length);
    this.metric.replaceChildren(
      html("span", {text: digits.slice(0, cutAt)}),
      html("span", {class: "rest", text: digits.slice(cutAt)}),
    );
    this.change.textContent = cuts.names.size
      ? `${signed(scores.metric - before.metric)} against ${number(before.metric)} with nothing cut; loss ${number(scores.loss, 3)}, was ${number(before.loss, 3)}`
      : `loss ${number(scores.loss, 3)}; nothing is cut`;
    this.outputs.forEach((cell, answer) => {
      cell.textContent = `${number(scores.perOutput[answer])}${cuts.names.size ? ` (${signed(scores.perOutput[answer] - before.perOutput[answer])})` : ""}`;
    });
    clearTimeout(this.later);
    if (this.modules.length * stage.player.pass < SLOW) this.modules.forEach(row => row.show());
    else this._score([...this.modules]);
    this.element.dataset.ready = "";
  }

  /** Whether this net can be coloured like that. */
  hasColour(name) {
    return Array.from(this.colours.options, each => each.value).includes(name);
  }

  /** Scores modules one at a time, so that a large net answers clicks between them. */
  _score(rows) {
    this.later = setTimeout(() => {
      rows.shift().show();
      if (rows.length) this._score(rows);
    }, 60);
  }

  /** Says what is known of the item that is pointed at. */
  details(item) {
    const {stage} = this;
    if (!item) {
      this.about.replaceChildren(
        html("p", {
          class: "quiet small",
          text: "Point at a neuron or a connection to see its weight, place, module, formula and worth.",
        }),
      );
      return;
    }
    const isLive = stage.view === "pruned";
    const {title, rows, piece, note} = detailsOf({
      player: stage.player,
      item,
      values: stage.probe.values,
      view: stage.seen,
      isLive,
    });
    this.about.replaceChildren(
      html("h3", {text: title}),
      (isLive && this._formula(item)) || (piece ? html("p", {class: "piece", text: `= ${piece}`}) : html("span", {})),
      html(
        "dl",
        {},
        ...rows.map(([word, value]) => html("div", {}, html("dt", {text: word}), html("dd", {text: value}))),
      ),
      ...(note ? [html("p", {class: "quiet small", text: note})] : []),
    );
  }

  /** The readable formula's piece for this neuron, typeset by the report; null where there is none. */
  _formula(item) {
    const piece = item.source ? null : document.getElementById(`piece-${item.title}`);
    if (!piece) return null;
    return html("div", {class: "math piece"}, piece.content.cloneNode(true));
  }

  _bar(picture) {
    const {stage} = this,
      {model, player} = stage,
      available = Object.entries(VIEWS).filter(
        ([name]) => name === "pruned" || (name === "trained" ? model.dense : player.film),
      );
    this.views = Object.fromEntries(
      available.map(([name, words]) => [
        name,
        html("button", {type: "button", text: words, onclick: () => stage.look(name)}),
      ]),
    );
    const options = (choices, told, label) =>
      html(
        "select",
        {"aria-label": label, onchange: event => told(event.target.value)},
        ...Object.entries(choices).map(([value, text]) => html("option", {value, text})),
      );
    const colours = Object.fromEntries(
      Object.entries(COLOURS).filter(([name]) => name !== "importance" || model.ablation),
    );
    this.colours = options(colours, value => stage.setColour(value), "colour by");
    this.methods = options({zero: "zero", mean: "training mean"}, value => stage.setMethod(value), "ablate by");
    this.undoing = html("button", {type: "button", text: "Undo", onclick: () => stage.undo()});
    this.clearing = html("button", {type: "button", text: "Restore all", onclick: () => stage.clear()});
    this.closing = html("button", {
      type: "button",
      text: "Close groups",
      onclick: () => {
        stage.closeGroups();
        this.show();
      },
    });
    this.find = html("input", {
      type: "search",
      placeholder: "h1[3]",
      "aria-label": "find a neuron or connection",
      size: 9,
      onkeydown: event => {
        if (event.key === "Enter") this.find.setAttribute("aria-invalid", String(!stage.search(this.find.value)));
      },
    });
    const file = () => `net-${stage.view}`;
    return html(
      "div",
      {class: "bar"},
      html("div", {class: "choice", role: "group", "aria-label": "what is shown"}, ...Object.values(this.views)),
      html("label", {}, html("span", {text: "colour"}), this.colours),
      html("label", {}, html("span", {text: "ablate by"}), this.methods),
      this.undoing,
      this.clearing,
      this.closing,
      html("label", {}, html("span", {text: "find"}), this.find),
      html(
        "span",
        {class: "end"},
        html("button", {
          type: "button",
          text: "SVG",
          "aria-label": "picture as SVG",
          onclick: () => saveSvg(picture.root, file()),
        }),
        html("button", {
          type: "button",
          text: "PNG",
          "aria-label": "picture as PNG",
          onclick: () => savePng(picture.root, file()),
        }),
      ),
    );
  }

  _readout() {
    const {task, model, player} = this.stage;
    const sampled =
      task.rows < task.all_rows
        ? `, ${task.rows.toLocaleString("en-US")} of ${task.all_rows.toLocaleString("en-US")} test rows, drawn with a fixed seed`
        : "";
    this._hint = html("p", {class: "quiet small", text: "Click neurons and connections to cut them, one or several."});
    const outputs = this.outputs.length
      ? html(
          "table",
          {class: "outputs"},
          html("caption", {text: `${task.metric === "accuracy" ? "share recognised" : task.metric}, output by output`}),
          html(
            "tbody",
            {},
            ...this.outputs.map((cell, answer) =>
              html("tr", {}, html("th", {scope: "row", text: task.answer_names[answer]}), cell),
            ),
          ),
        )
      : null;
    const warning = player.isTrue
      ? null
      : html("p", {
          class: "warning",
          role: "alert",
          text: `This browser comes to another ${task.metric} than the report (${model.baseline.metric}): do not trust the numbers here.`,
        });
    return html(
      "div",
      {class: "readout"},
      html("p", {class: "kicker", text: `pruned net, test ${task.metric} now${sampled}`}),
      this.metric,
      this.change,
      warning,
      outputs,
      this.list,
      this._hint,
    );
  }

  /** Sliders that turn sheets; nothing for nets on lines. */
  _turning() {
    const {layout, player} = this.stage;
    if (!player.space.hasSheets) return null;
    const slide = (label, low, high, value, told) =>
      html(
        "label",
        {},
        html("span", {text: label}),
        html("input", {type: "range", min: low, max: high, value, oninput: event => told(Number(event.target.value))}),
      );
    return html(
      "div",
      {class: "turning"},
      slide("turn", -90, 90, layout.turn, value => this.stage.turn(value, layout.tilt)),
      slide("tilt", 0, 90, layout.tilt, value => this.stage.turn(layout.turn, value)),
    );
  }

  /** What colours and widths stand for. */
  _legend() {
    const {model, colour} = this.stage;
    const signs = {
      activation: ["positive value, or what flows", "negative"],
      importance: ["the darker, the more is lost without it"],
      module: [],
    }[colour] || ["positive weight", "negative weight"];
    const words = [
      ...signs.map((text, at) => [at ? "negative" : "positive", text]),
      ...(["both", "module"].includes(colour)
        ? model.modules.slice(0, 8).map(({name}, at) => [`module${at % 8}`, `module ${name}`])
        : []),
    ];
    this.legend.replaceChildren(
      ...words.map(([tone, text]) =>
        html(
          "li",
          {},
          svg(
            "svg",
            {class: "key", viewBox: "0 0 2 2", "aria-hidden": "true"},
            svg("circle", {cx: 1, cy: 1, r: 1, class: `f-${tone}`}),
          ),
          text,
        ),
      ),
    );
  }

  _group(title, ...content) {
    return html("div", {class: "group"}, html("h3", {text: title}), ...content);
  }

  _moduleTable() {
    const {task, model} = this.stage,
      head = ["cut", "module", "inputs", "outputs", "neurons left", `${task.metric} without it now`, "change"];
    return html(
      "div",
      {class: "scroll wide", role: "region", "aria-label": `Modules of ${model.name}, live`, tabindex: 0},
      html(
        "table",
        {},
        html("thead", {}, html("tr", {}, ...head.map(text => html("th", {scope: "col", class: "text", text})))),
        html("tbody", {}, ...this.modules.map(each => each.element)),
      ),
    );
  }
}

/** One module: whether it is cut, what is left of it, what the net is without it now. */
class ModuleRow {
  constructor(stage, module) {
    this.stage = stage;
    this.module = module;
    this.name = `module ${module.name}`;
    this.box = html("input", {
      type: "checkbox",
      "aria-label": `cut module ${module.name}`,
      "data-module": module.name,
      onchange: () => stage.toggle(this.name),
    });
    [this.left, this.without, this.change] = [0, 1, 2].map(() => html("td", {}));
    const tone = stage.model.modules.indexOf(module) % 8;
    const listed = names =>
      names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ") || "–";
    this.element = html(
      "tr",
      {},
      html("td", {class: "text short"}, this.box),
      html(
        "th",
        {scope: "row", class: "text"},
        svg(
          "svg",
          {class: "key", viewBox: "0 0 2 2", "aria-hidden": "true"},
          svg("circle", {cx: 1, cy: 1, r: 1, class: `f-module${tone}`}),
        ),
        module.name,
      ),
      ...[module.inputs, module.outputs].map(names =>
        html("td", {class: listed(names).length <= 20 ? "text short" : "text", text: listed(names)}),
      ),
      this.left,
      this.without,
      this.change,
    );
  }

  show() {
    const {player, outcome} = this.stage,
      {neurons} = player.cuts.gone();
    const left = this.module.cut.filter(([site, index]) => !neurons.has(`${site}[${index}]`)).length;
    this.box.checked = player.cuts.names.has(this.name);
    this.left.textContent = `${left} of ${this.module.cut.length}`;
    const scores = left ? player.outcome([this.name]).scores : outcome.scores;
    this.without.textContent = number(scores.metric);
    this.change.textContent = left ? signed(scores.metric - outcome.scores.metric) : "gone";
  }
}
