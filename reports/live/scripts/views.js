// What there is to see of a net: its neurons, and the connections of the pruned net, the net as trained or a snapshot.

/** The drawn neurons of every site and where their slots lie; `places` may come from a snapshot. */
class Space {
  constructor(net, model) {
    this.populations = new Map(
      model.populations.map(item => [item.name, {...item, slots: unpack(item.slots), places: unpack(item.places)}]),
    );
    this.sites = net.sites.filter(site => !site.is_look_up);
    const depths = [...new Set(this.sites.map(site => site.depth))].sort((a, b) => a - b);
    this.levels = depths.map(depth => this.sites.filter(site => site.depth === depth));
    this.hasSheets = [...this.populations.values()].some(({slots}) => {
      const across = slots.filter((_, at) => at % 2);
      return across.some(value => Math.abs(value - across[0]) > 1e-9);
    });
  }

  /** Where a neuron sits in the unit square, across and back. */
  at(site, neuron, places) {
    const population = this.populations.get(site.population);
    const [slot] = this.slot(site, neuron, places);
    return [population.slots[2 * slot], population.slots[2 * slot + 1]];
  }

  /** Which slot a neuron sits in, and how many there are. */
  slot(site, neuron, places) {
    const own = (places && places[site.population]) || this.populations.get(site.population).places;
    return [own[neuron], own.length];
  }
}

/** A view: edges {link, at, target, source, value}, which neurons are alive, places (null: as at the end), largest. */
function prunedView(net) {
  const edges = net.links
    .filter(link => !link.is_look_up)
    .flatMap(link =>
      Array.from(link.targets, (target, at) => ({
        link,
        at,
        target,
        source: link.sources[at],
        value: link.values[link.places[at]],
      })),
    );
  return viewOf(edges, site => site.live, null);
}

function trainedView(net, dense) {
  const edges = dense.links.flatMap(({name, weights}) => {
    const link = net.links.find(each => each.name === name),
      columns = weights.shape[1];
    return Array.from(unpack(weights), (value, at) => ({
      link,
      at: null,
      target: Math.floor(at / columns),
      source: at % columns,
      value,
    })).filter(each => each.value);
  });
  const live = Object.fromEntries(Object.entries(dense.live).map(([name, mask]) => [name, unpack(mask)]));
  return viewOf(edges, site => live[site.name], null);
}

function viewOf(edges, aliveOf, places, largest) {
  edges = edges.filter(edge => edge.value !== 0);
  return {
    edges,
    aliveOf,
    places,
    largest: largest || edges.reduce((most, edge) => Math.max(most, Math.abs(edge.value)), 0) || 1,
  };
}

/** The snapshots of a net's training. */
class Film {
  constructor(net, film) {
    this.net = net;
    this.steps = unpack(film.steps);
    this.metric = unpack(film.metric);
    this.connections = unpack(film.connections);
    this.events = film.events;
    this.isWhole = film.is_whole;
    this.largest = film.largest;
    this.links = film.links.map(({name, targets, sources, values}) => ({
      link: net.links.find(each => each.name === name),
      targets: unpack(targets),
      sources: unpack(sources),
      values: unpack(values),
    }));
    this.places = Object.fromEntries(
      Object.entries(film.places).map(([name, places]) => [name, {all: unpack(places), size: places.shape[1]}]),
    );
  }

  get length() {
    return this.steps.length;
  }

  has(frame) {
    return Number.isInteger(frame) && frame >= 0 && frame < this.length;
  }

  /** The view of one snapshot. */
  view(frame) {
    const alive = new Map(this.net.sites.map(site => [site.name, new Uint8Array(site.size)]));
    const edges = this.links.flatMap(({link, targets, sources, values}) =>
      Array.from(targets, (target, at) => {
        const step = values[frame * targets.length + at];
        const value = Math.sign(step) * (step / 127) ** 2 * this.largest;
        if (step) alive.get(link.target)[target] = alive.get(link.source)[sources[at]] = 1;
        return {link, at: null, target, source: sources[at], value};
      }),
    );
    const places = Object.fromEntries(
      Object.entries(this.places).map(([name, {all, size}]) => [name, all.slice(frame * size, (frame + 1) * size)]),
    );
    return viewOf(edges, site => alive.get(site.name), places, this.largest);
  }
}
