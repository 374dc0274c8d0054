// What is said of the neuron or connection that is pointed at.

/**
 * Title, pairs of words and values, and formula of the item that is pointed at. isLive: it is the pruned net's, so that
 * what the net computes and what parts are worth can be said of it; values: of the row by hand.
 */
function detailsOf({player, item, values, view, isLive}) {
  const facts = new Facts(player, isLive ? values : null);
  if (item.source) return item.edge ? ofConnection(facts, item, view, isLive) : ofBundle(facts, item);
  return item.isGroup ? ofGroup(facts, item) : ofNeuron(facts, item, view, isLive);
}

class Facts {
  constructor(player, values) {
    Object.assign(this, {player, values, rows: []});
  }

  add(word, value) {
    if (value !== null && value !== undefined && value !== "") this.rows.push([word, value]);
  }

  /** What the row by hand gives a neuron; where a net looks at several moments, at the last one. */
  value(site, neuron) {
    const found = this.values && this.values.get(site)[neuron];
    return found ? found[found.length - 1] : null;
  }

  get now() {
    const {moments} = this.player.net;
    return moments > 1 ? `now, at moment ${moments}` : "now";
  }

  module(number) {
    return number < 0 ? "none" : this.player.model.modules[number].name;
  }

  /** The row of the ablation table; it asks every test row, what is shown live may ask fewer. */
  worth(kind, name) {
    const {model, task} = this.player,
      row = model.ablation && name && (model.ablation[kind] || {})[name];
    if (!row) return;
    const asked = task.rows < task.all_rows ? `, all ${task.all_rows.toLocaleString("en-US")} test rows` : "";
    ["zero", "mean"].slice(0, row.length / 2).forEach((method, at) => {
      this.add(`drop of ${task.metric} by ${method}${asked}`, number(row[2 * at], 3));
      this.add(`loss increase by ${method}${asked}`, number(row[2 * at + 1], 3));
    });
  }
}

function ofBundle(facts, item) {
  facts.add("connections", item.count.toLocaleString("en-US"));
  facts.add("summed |w|", number(Math.abs(item.value)));
  return {title: item.label, rows: facts.rows};
}

function ofGroup(facts, item) {
  facts.add("neurons", String(item.members.length));
  return {title: item.title, rows: facts.rows, note: "Click to open."};
}

function ofConnection(facts, item, view, isLive) {
  const {edge} = item,
    {space, net, cuts} = facts.player,
    {link} = edge;
  const from = space.at(net.byName.get(link.source), edge.source, view.places);
  const to = space.at(net.byName.get(link.target), edge.target, view.places);
  facts.add("weight", number(item.value));
  facts.add("length", number(Math.abs(from[0] - to[0]) + Math.abs(from[1] - to[1]), 3));
  const value = facts.value(link.source, edge.source);
  if (value !== null) facts.add(`carries ${facts.now}`, number(item.value * value));
  const [one, other] = [item.source, item.target].map(({module}) => facts.module(module));
  facts.add("module", one === other ? one : `from ${one} to ${other}`);
  if (isLive) facts.worth("connection", cuts.connection(link, edge.at));
  return {title: item.label.replace("->", " → "), rows: facts.rows};
}

function ofNeuron(facts, item, view, isLive) {
  const {site} = item,
    [neuron] = item.members,
    {space, model, cuts} = facts.player;
  const place = space.at(site, neuron, view.places),
    [slot, slots] = space.slot(site, neuron, view.places);
  facts.add("called", model.labels[item.title]);
  facts.add("module", facts.module(item.module));
  facts.add(
    "place",
    space.hasSheets
      ? `(${place.map(each => number(each, 2)).join(", ")})`
      : `${number(place[0], 3)} (slot ${slot + 1} of ${slots})`,
  );
  const value = facts.value(site.name, neuron);
  if (value !== null) facts.add(`value ${facts.now}`, number(value));
  if (isLive) facts.worth("neuron", cuts.names_at.get(item.title));
  return {title: item.title, rows: facts.rows, piece: isLive ? pieceOf(facts.player, site, neuron) : ""};
}

/** What a neuron computes, in a line: the net's own numbers to three digits. */
function pieceOf({net, model}, site, neuron) {
  if (site.reading) return "";
  if (site.mixture) return `attention over ${site.mixture.value}`;
  const terms = [];
  for (const link of site.links) {
    if (link.is_look_up) terms.push([1, `${link.source} looked up`]);
    else
      for (const {source, weight} of link.into.get(neuron) || [])
        terms.push([weight, model.labels[`${link.source}[${source}]`] || `${link.source}[${source}]`]);
  }
  for (const source of site.skips) terms.push([1, `${source}[${neuron}]`]);
  terms.sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]));
  const shown = terms.slice(0, 8).map(([weight, name], at) => {
    const sign = weight < 0 ? "− " : at ? "+ " : "";
    return `${sign}${Math.abs(weight) === 1 ? "" : `${number(Math.abs(weight), 3)} `}${name}`;
  });
  if (terms.length > 8) shown.push(`and ${terms.length - 8} more`);
  const bias = site.bias ? site.bias[neuron] : 0;
  if (bias) shown.push(`${bias < 0 ? "− " : "+ "}${number(Math.abs(bias), 3)}`);
  const sum = shown.join(" ") || "0";
  return site.activation ? `${site.activation}(${sum})` : sum;
}
