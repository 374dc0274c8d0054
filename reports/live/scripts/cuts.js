// What is ablated: names of neurons, connections and modules, and what that changes in the net.

class Cuts {
  /** Knows what can be ablated, by the names of the ablation table. */
  constructor(net, model) {
    this.net = net;
    this.method = "zero";
    this.names = new Set();
    this.past = [];
    this.known = new Map(); // name -> {neurons: [[site, index]], stored: [[parameter, place]]}
    this.names_at = new Map(); // "site[index]" -> the name under which it is ablated
    for (const {name, sites} of model.groups) {
      const {size} = net.byName.get(sites[0]);
      for (let neuron = 0; neuron < size; neuron++) {
        if (!sites.some(site => net.byName.get(site).live[neuron])) continue;
        const called = `${name}[${neuron}]`;
        this.known.set(called, {kind: "neuron", neurons: sites.map(site => [site, neuron]), stored: []});
        for (const site of sites) this.names_at.set(`${site}[${neuron}]`, called);
      }
    }
    this.stored = new Map(); // "parameter:place" -> the connection that it is ablated as
    for (const link of net.links.filter(each => each.is_distinct)) {
      link.targets.forEach((target, at) => {
        const called = `${link.source}[${link.sources[at]}]->${link.target}[${target}]`;
        this.known.set(called, {kind: "connection", neurons: [], stored: [[link.parameter, link.places[at]]]});
        this.stored.set(`${link.parameter}:${link.places[at]}`, called);
      });
    }
    for (const {name, cut} of model.modules) {
      this.known.set(`module ${name}`, {kind: "module", neurons: cut, stored: []});
    }
  }

  /** The name under which a drawn connection is ablated: of tied ones that of the first. */
  connection(link, at) {
    return this.stored.get(`${link.parameter}:${link.places[at]}`);
  }

  toggle(name) {
    this._change(() => {
      if (!this.names.delete(name)) this.names.add(name);
    });
  }

  clear() {
    if (this.names.size) this._change(() => this.names.clear());
  }

  setMethod(method) {
    if (method !== this.method)
      this._change(() => {
        this.method = method;
      });
  }

  /** Sets everything at once, as an address says it; unknown names are left out. */
  set(names, method) {
    this.past = [];
    this.names = new Set(names.filter(name => this.known.has(name)));
    this.method = method === "mean" ? "mean" : "zero";
  }

  undo() {
    const last = this.past.pop();
    if (last) [this.names, this.method] = [last.names, last.method];
    return Boolean(last);
  }

  /** What the forward pass replaces, with more names beside those that are set; null where nothing. */
  edits(more = []) {
    const names = [...this.names, ...more];
    if (!names.length) return null;
    const isMean = this.method === "mean",
      neurons = new Map(),
      places = new Map();
    for (const name of names) {
      const part = this.known.get(name);
      for (const [site, neuron] of part.neurons) {
        if (!neurons.has(site)) neurons.set(site, new Map());
        neurons.get(site).set(neuron, isMean ? this.net._means(site, neuron) : null);
      }
      for (const [parameter, place] of part.stored) {
        if (!places.has(parameter)) places.set(parameter, new Set());
        places.get(parameter).add(place);
      }
    }
    return {neurons, places, means: isMean};
  }

  /** The single neurons and connections that are gone now, modules written out. */
  gone() {
    const neurons = new Set(),
      connections = new Set();
    for (const name of this.names) {
      const part = this.known.get(name);
      if (part.kind === "connection") connections.add(name);
      for (const [site, neuron] of part.neurons) neurons.add(`${site}[${neuron}]`);
    }
    return {neurons, connections};
  }

  _change(change) {
    this.past.push({names: new Set(this.names), method: this.method});
    change();
  }
}
