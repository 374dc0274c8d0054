// What is said of the neuron or connection that is pointed at.

/** Pairs of words and values for the item that is pointed at, and its title. */
function detailsOf({player, item, values, view}) {
  const {model, net, task} = player, rows = [];
  const add = (word, value) => { if (value !== null && value !== undefined && value !== "") rows.push([word, value]); };
  const worth = (kind, name) => {
    const row = model.ablation && name && (model.ablation[kind] || {})[name];
    if (!row) return;
    // The table asks every row, what is shown live fewer: the same cut may come to another number there.
    const asked = task.rows < task.all_rows ? `, all ${task.all_rows.toLocaleString("en-US")} test rows` : "";
    ["zero", "mean"].slice(0, row.length / 2).forEach((method, at) => {
      add(`drop of ${task.metric} by ${method}${asked}`, number(row[2 * at], 3));
      add(`loss increase by ${method}${asked}`, number(row[2 * at + 1], 3));
    });
  };
  // Where a net looks at several moments, what is shown is of the last one.
  const now = net.moments > 1 ? `now, at moment ${net.moments}` : "now";
  if (item.source) {
    const edge = item.edge;
    if (!edge) {
      add("connections", item.count.toLocaleString("en-US"));
      add("summed |w|", number(Math.abs(item.value)));
      return {title: item.label, rows};
    }
    add("weight", number(item.value));
    const from = player.space.at(net.byName.get(edge.link.source), edge.source, view.places);
    const to = player.space.at(net.byName.get(edge.link.target), edge.target, view.places);
    add("length", number(Math.abs(from[0] - to[0]) + Math.abs(from[1] - to[1]), 3));
    const value = values && values.get(edge.link.source)[edge.source];
    if (value && edge.at !== null) add(`carries ${now}`, number(item.value * value[value.length - 1]));
    const [one, other] = [item.source, item.target].map(({module}) =>
      (module < 0 ? "none" : model.modules[module].name));
    add("module", one === other ? one : `from ${one} to ${other}`);
    if (edge.at !== null) worth("connection", player.cuts.connection(edge.link, edge.at));
    return {title: item.label.replace("->", " → "), rows};
  }
  if (item.isGroup) {
    add("neurons", String(item.members.length));
    return {title: item.title, rows, note: "Click to open."};
  }
  const neuron = item.members[0], {site} = item, [slot, slots] = player.space.slot(site, neuron);
  const place = player.space.at(site, neuron, view.places);
  add("called", model.labels[item.title]);
  add("module", item.module < 0 ? "none" : model.modules[item.module].name);
  add("place", player.space.hasSheets ? `(${place.map(each => number(each, 2)).join(", ")})` : `${number(place[0], 3)} (slot ${slot + 1} of ${slots})`);
  const value = values && values.get(site.name)[neuron];
  if (value) add(`value ${now}`, number(value[value.length - 1]));
  worth("neuron", player.cuts.names_at.get(item.title));
  return {title: item.title, rows, piece: pieceOf(player, site, neuron)};
}

/** What a neuron computes, in a line: the net's own numbers to three digits. */
function pieceOf({net, model}, site, neuron) {
  if (site.reading) return "";
  if (site.mixture) return `attention over ${site.mixture.value}`;
  const terms = [];
  for (const link of site.links) {
    if (link.is_look_up) terms.push([1, `${link.source} looked up`]);
    else for (const {source, weight} of link.into.get(neuron) || []) terms.push([weight, model.labels[`${link.source}[${source}]`] || `${link.source}[${source}]`]);
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
