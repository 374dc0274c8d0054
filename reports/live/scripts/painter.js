// How parts of the picture look, by what they are coloured by; and what is said of the one that is pointed at.

const COLOURS = {
  both: "modules and signs", module: "modules", sign: "signs", importance: "importance", activation: "activation",
};

/** Returns paint(item) for Picture.paint. values: the probe's values; gone: what is cut now. */
function painter({player, scene, colour, values, gone}) {
  const {model, net, cuts} = player, ablation = model.ablation || {};
  const moduleTone = number => (number < 0 ? "muted" : `module${number % 8}`);
  const drop = (kind, name) => { const row = (ablation[kind] || {})[name]; return row ? Math.abs(row[0]) : 0; };
  const most = Math.max(1e-12, ...["neuron", "connection"].flatMap(kind => Object.values(ablation[kind] || {}).map(row => Math.abs(row[0]))));
  const seen = (site, neuron) => {
    const value = values && values.get(site.name);
    return value && !site.reading_token ? value[neuron][value[neuron].length - 1] : 0;
  };
  const top = {};
  if (colour === "activation") {
    for (const site of player.space.sites) top[site.name] = Math.max(1e-12, ...Array.from({length: site.size}, (_, n) => Math.abs(seen(site, n))));
  }
  const flows = new Map();
  if (colour === "activation") {
    for (const item of scene.edges) flows.set(item, item.edge ? item.value * seen(net.byName.get(item.edge.link.source), item.edge.source) : 0);
  }
  const strongest = Math.max(1e-12, ...Array.from(flows.values(), Math.abs));

  const ofVertex = ({site, module, members, title, isAlive, isGroup, label}) => {
    const isGone = !isGroup && gone.neurons.has(label);
    if (!isAlive && !isGroup) return {tone: "faint", opacity: 1, isGone: false};
    if (colour === "importance") {
      const size = drop("neuron", cuts.names_at.get(title)) / most;
      return {tone: isGroup ? "muted" : "positive", opacity: isGroup ? 0.5 : 0.12 + 0.88 * Math.sqrt(Math.min(size, 1)), isGone};
    }
    if (colour === "activation" && !isGroup) {
      const value = seen(site, members[0]);
      return {tone: value < 0 ? "negative" : "positive", opacity: 0.08 + 0.92 * Math.abs(value) / top[site.name], isGone};
    }
    return {tone: colour === "sign" || colour === "activation" ? "muted" : moduleTone(module), opacity: isGroup ? 0.85 : 1, isGone};
  };

  const ofEdge = item => {
    const {source, target, value, edge} = item, share = Math.abs(value) / scene.largest;
    const name = edge && edge.at !== null ? cuts.connection(edge.link, edge.at) : null;
    const isGone = Boolean(name) && (gone.connections.has(name) || gone.neurons.has(source.label));
    const crowd = Math.min(1, Math.sqrt(500 / scene.edges.length));
    const look = {tone: value < 0 ? "negative" : "positive", width: THINNEST + (WIDEST - THINNEST) * share * Math.max(crowd, 0.5),
      opacity: Math.min(1, 0.12 + 0.88 * Math.max(Math.sqrt(share) * crowd, crowd > 0.9 ? 0.75 : share)), isGone};
    if (colour === "module") return {...look, tone: source.module === target.module ? moduleTone(source.module) : "muted"};
    if (colour === "importance") return {...look, tone: "positive", opacity: 0.08 + 0.92 * Math.sqrt(Math.min(drop("connection", name) / most, 1))};
    if (colour === "activation" && edge) {
      const flow = flows.get(item), size = Math.abs(flow) / strongest;
      return {...look, tone: flow < 0 ? "negative" : "positive", width: 0.5 + 5 * size, opacity: 0.1 + 0.9 * Math.sqrt(size)};
    }
    return look;
  };
  return item => (item.source ? ofEdge(item) : ofVertex(item));
}

/** Pairs of words and values for the item that is pointed at, and its title. */
function detailsOf({player, item, values, view}) {
  const {model, net, task} = player, rows = [];
  const add = (word, value) => { if (value !== null && value !== undefined && value !== "") rows.push([word, value]); };
  const worth = (kind, name) => {
    const row = model.ablation && name && (model.ablation[kind] || {})[name];
    if (!row) return;
    add(`drop of ${task.metric} by zero`, number(row[0], 3));
    add("loss increase by zero", number(row[1], 3));
    if (row.length > 2) add(`drop of ${task.metric} by mean`, number(row[2], 3));
    if (row.length > 2) add("loss increase by mean", number(row[3], 3));
  };
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
    if (value && edge.at !== null) add("carries now", number(item.value * value[value.length - 1]));
    const modules = [item.source.module, item.target.module];
    add("module", modules[0] === modules[1] ? (modules[0] < 0 ? "none" : model.modules[modules[0]].name) : "leads from one to another");
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
  if (value) add("value now", number(value[value.length - 1]));
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
