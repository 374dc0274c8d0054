// How parts of the picture look, by what they are coloured by.

const COLOURS = {
  both: "modules and signs",
  module: "modules",
  sign: "signs",
  importance: "importance",
  activation: "activation",
};

/** Returns paint(item) for Picture.paint. values: the probe's values; gone: what is cut now. */
function painter({player, scene, colour, values, gone}) {
  const {model, net, cuts} = player,
    ablation = model.ablation || {};
  const moduleTone = number => (number < 0 ? "muted" : `module${number % 8}`);
  const lost = row => Math.abs((cuts.method === "mean" && row.length > 2 ? row[2] : row[0]) || 0);
  const drop = (kind, name) => lost((ablation[kind] || {})[name] || [0]);
  const most = ["neuron", "connection"]
    .flatMap(kind => Object.values(ablation[kind] || {}))
    .reduce((largest, row) => Math.max(largest, lost(row)), 1e-12);
  const seen = (site, neuron) => {
    const value = values && values.get(site.name);
    return value ? value[neuron][value[neuron].length - 1] : 0;
  };
  const top = {};
  if (colour === "activation") {
    for (const site of player.space.sites)
      top[site.name] = Math.max(1e-12, ...Array.from({length: site.size}, (_, n) => Math.abs(seen(site, n))));
  }
  const flows = new Map();
  if (colour === "activation") {
    for (const item of scene.edges)
      flows.set(item, item.edge ? item.value * seen(net.byName.get(item.edge.link.source), item.edge.source) : 0);
  }
  const strongest = Math.max(1e-12, ...Array.from(flows.values(), Math.abs));

  const ofVertex = ({site, module, members, title, isAlive, isGroup, label}) => {
    const isGone = !isGroup && gone.neurons.has(label);
    if (!isAlive) return {tone: "faint", opacity: 1, isGone: false};
    if (colour === "importance") {
      const size = drop("neuron", cuts.names_at.get(title)) / most;
      return {
        tone: isGroup ? "muted" : "positive",
        opacity: isGroup ? 0.5 : 0.12 + 0.88 * Math.sqrt(Math.min(size, 1)),
        isGone,
      };
    }
    if (colour === "activation" && !isGroup) {
      const value = seen(site, members[0]);
      return {
        tone: value < 0 ? "negative" : "positive",
        opacity: 0.08 + (0.92 * Math.abs(value)) / top[site.name],
        isGone,
      };
    }
    return {tone: colour === "sign" || colour === "activation" ? "muted" : moduleTone(module), opacity: 1, isGone};
  };

  const ofEdge = item => {
    const {source, target, value, edge} = item,
      share = Math.abs(value) / scene.largest;
    const name = edge && edge.at !== null ? cuts.connection(edge.link, edge.at) : null;
    const isGone = Boolean(name) && (gone.connections.has(name) || gone.neurons.has(source.label));
    const crowd = Math.min(1, Math.sqrt(500 / scene.edges.length));
    const look = {
      tone: value < 0 ? "negative" : "positive",
      width: THINNEST + (WIDEST - THINNEST) * share * Math.max(crowd, 0.5),
      opacity: Math.min(1, 0.12 + 0.88 * Math.max(Math.sqrt(share) * crowd, crowd > 0.9 ? 0.75 : share)),
      isGone,
    };
    if (colour === "module")
      return {...look, tone: source.module === target.module ? moduleTone(source.module) : "muted"};
    if (colour === "importance")
      return {
        ...look,
        tone: "positive",
        opacity: 0.08 + 0.92 * Math.sqrt(Math.min(drop("connection", name) / most, 1)),
      };
    if (colour === "activation" && edge) {
      const flow = flows.get(item),
        size = Math.abs(flow) / strongest;
      return {
        ...look,
        tone: flow < 0 ? "negative" : "positive",
        width: 0.5 + 5 * size,
        opacity: 0.1 + 0.9 * Math.sqrt(size),
      };
    }
    return look;
  };
  return item => (item.source ? ofEdge(item) : ofVertex(item));
}
