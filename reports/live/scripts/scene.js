// From a view to what is drawn: every neuron and connection of a small net; of a large one groups and bundles, which
// open up one by one.

const MOST_EDGES = 5000,
  SMALL_SITE = 16; // sites of so few neurons are shown neuron by neuron

class Scene {
  /** modules: as reports/live/parts.py lists them. */
  constructor(space, modules) {
    this.space = space;
    this.moduleOf = new Map(); // "site[index]" -> number of the module
    modules.forEach(({neurons}, number) =>
      neurons.forEach(([site, index]) => this.moduleOf.set(`${site}[${index}]`, number)),
    );
    this.modules = modules;
    this.open = new Set();
  }

  /** The vertices and edges of a view; isGrouped says whether there are groups. */
  build(view) {
    const isGrouped = view.edges.length > MOST_EDGES;
    const vertices = new Map(),
      byNeuron = new Map();
    for (const site of this.space.sites) {
      const alive = view.aliveOf(site);
      for (let index = 0; index < site.size; index++) {
        const name = `${site.name}[${index}]`,
          module = this.moduleOf.has(name) ? this.moduleOf.get(name) : -1;
        const group = isGrouped && site.size > SMALL_SITE ? this._group(site, module, alive[index]) : null;
        const isOne = !group || this.open.has(group.key);
        const key = isOne ? name : group.key;
        if (!vertices.has(key)) {
          vertices.set(key, {
            key,
            site,
            module,
            members: [],
            isGroup: !isOne,
            isAlive: Boolean(alive[index]),
            title: isOne ? name : group.title,
            group: group && group.key,
          });
        }
        vertices.get(key).members.push(index);
        byNeuron.set(name, vertices.get(key));
      }
    }
    const edges = isGrouped
      ? this._bundles(view, byNeuron)
      : view.edges.map(edge => ({
          source: byNeuron.get(`${edge.link.source}[${edge.source}]`),
          edge,
          value: edge.value,
          count: 1,
          target: byNeuron.get(`${edge.link.target}[${edge.target}]`),
        }));
    edges.sort((a, b) => Math.abs(a.value) - Math.abs(b.value));
    const hidden = Math.max(edges.length - MOST_EDGES, 0);
    const shown = edges.slice(hidden);
    const largest = isGrouped ? Math.abs(shown.length ? shown[shown.length - 1].value : 1) : view.largest;
    return {
      vertices: [...vertices.values()],
      edges: shown,
      byNeuron,
      isGrouped,
      hidden,
      largest: largest || 1,
      places: view.places,
    };
  }

  toggleGroup(key) {
    if (!this.open.delete(key)) this.open.add(key);
  }

  _group(site, module, isAlive) {
    const kind = !isAlive ? "without connections" : module < 0 ? "in no module" : `module ${this.modules[module].name}`;
    return {key: `${site.name}: ${kind}`, title: `${site.name}, ${kind}`};
  }

  /** Adds up connections between the same two vertices: |w| says how thick, the sum of w which sign. */
  _bundles(view, byNeuron) {
    const bundles = new Map();
    for (const edge of view.edges) {
      const source = byNeuron.get(`${edge.link.source}[${edge.source}]`);
      const target = byNeuron.get(`${edge.link.target}[${edge.target}]`);
      const key = `${source.key}\n${target.key}`;
      if (!bundles.has(key)) bundles.set(key, {source, target, size: 0, sum: 0, count: 0, edge});
      const bundle = bundles.get(key);
      bundle.size += Math.abs(edge.value);
      bundle.sum += edge.value;
      bundle.count++;
    }
    return [...bundles.values()].map(({source, target, size, sum, count, edge}) => ({
      source,
      target,
      count,
      edge: count === 1 ? edge : null,
      value: (sum < 0 ? -1 : 1) * size,
    }));
  }
}
