// All nets of a page in small, sorted; the one that is chosen is played with.

const ORDERS = {rank: 1, "test metric": -1, connections: 1, length: 1, parts: -1};

class Gallery {
  constructor(host, model, tasks, address) {
    Object.assign(this, {model, tasks, address, number: 0});
    this.stageHost = html("div", {class: "chosen"});
    this.title = html("h2", {tabindex: -1});
    this.order = html(
      "select",
      {"aria-label": "sort by", onchange: () => this._sort()},
      ...Object.keys(ORDERS).map(key => html("option", {value: key, text: key})),
    );
    this.front = html("input", {type: "checkbox", onchange: () => this._sort()});
    this.cards = model.nets.map((net, number) => this._card(net, number));
    this.grid = html("div", {class: "cards-small", role: "group", "aria-label": "all nets"});
    host.replaceChildren(
      this.title,
      this.stageHost,
      html(
        "div",
        {class: "bar all"},
        html("h2", {text: "All seeds"}),
        html("label", {}, html("span", {text: "sort by"}), this.order),
        html("label", {}, this.front, html("span", {text: "only the Pareto front"})),
      ),
      this.grid,
    );
    this._sort();
    this.choose(0);
  }

  /** Shows one net large. */
  choose(number, isAsked = false) {
    if (!(number >= 0 && number < this.model.nets.length)) return;
    this.number = number;
    const net = this.model.nets[number];
    this.title.textContent = `${net.name}, rank ${net.facts.rank}`;
    this.cards.forEach((card, at) => card.setAttribute("aria-pressed", String(at === number)));
    this.stage = new Stage(this.stageHost, net, this.tasks[net.task], this.address);
    if (isAsked) this.title.focus();
  }

  state() {
    return [...(this.number ? [["net", this.model.nets[this.number].name]] : []), ...this.stage.state()];
  }

  restore(said) {
    const number = this.model.nets.findIndex(net => net.name === said.get("net"));
    this.choose(number < 0 ? 0 : number);
    this.stage.restore(said);
  }

  get host() {
    return this.title;
  }

  _sort() {
    const key = this.order.value,
      sign = ORDERS[key];
    const numbers = this.model.nets
      .map((_, number) => number)
      .filter(number => !this.front.checked || this.model.nets[number].facts["on the front"])
      .sort((a, b) => sign * (this.model.nets[a].facts[key] - this.model.nets[b].facts[key]) || a - b);
    this.grid.replaceChildren(...numbers.map(number => this.cards[number]));
  }

  _card(net, number) {
    const {facts} = net,
      words = `${facts.connections} connections, ${number_of(facts["test metric"])}`;
    return html(
      "button",
      {type: "button", class: "card-small", "data-card": net.name, onclick: () => this.choose(number, true)},
      thumbnail(net),
      html("span", {class: "name", text: net.name}),
      html("span", {class: "quiet", text: words}),
    );
  }
}

const number_of = value => number(value, 4);

/** A pruned net in small: lines by sign, points by part. */
function thumbnail(model) {
  const net = new Net(model),
    space = new Space(net, model),
    layout = new Layout(space),
    view = prunedView(net);
  const tones = new Map(),
    place = (site, neuron) => layout.at(site, neuron).map(each => each.toFixed(0));
  model.modules.forEach(({neurons}, number) =>
    neurons.forEach(([site, index]) => tones.set(`${site}[${index}]`, number % 8)),
  );
  const lines = view.edges.map(({link, target, source, value}) => {
    const [x1, y1] = place(net.byName.get(link.source), source),
      [x2, y2] = place(net.byName.get(link.target), target);
    return svg("line", {
      x1,
      y1,
      x2,
      y2,
      class: value < 0 ? "s-negative" : "s-positive",
      "stroke-width": length(3 + (13 * Math.abs(value)) / view.largest),
    });
  });
  const points = space.sites.flatMap(site =>
    Array.from(site.live, (alive, neuron) => {
      if (!alive) return null;
      const [cx, cy] = place(site, neuron),
        name = `${site.name}[${neuron}]`;
      return svg("circle", {
        cx,
        cy,
        r: Math.max(9, 1.5 * layout.radius(site)),
        class: tones.has(name) ? `f-module${tones.get(name)}` : "f-muted",
      });
    }),
  );
  return svg(
    "svg",
    {viewBox: `0 0 ${layout.width} ${Math.ceil(layout.height)}`, "aria-hidden": "true"},
    ...lines,
    ...points,
  );
}
