// The pruned net itself: a forward pass over the wiring, in float64, that works out only what an edit changes.
//
// The value of a site is a list of neurons, each an array over rows and moments (row 0 at all its moments, then row 1,
// ...). Sites that read a token hold one array, the token's number for each of these places.

class Net {
  /** Reads a net as reports/live/net.py describes it. */
  constructor(model) {
    this.moments = model.moments;
    this.sites = model.sites.map(site => ({
      ...site,
      live: unpack(site.live),
      bias: site.bias && unpack(site.bias),
      means: site.means && unpack(site.means),
      links: [],
    }));
    this.byName = new Map(this.sites.map(site => [site.name, site]));
    this.parameters = new Map(Object.entries(model.parameters).map(([name, values]) => [name, unpack(values)]));
    this.links = model.links.map(link => this._link(link));
    const answers = unpack(model.answers);
    this.answers = Array.from({length: answers.length / 2}, (_, k) => [answers[2 * k], answers[2 * k + 1]]);
    this.outputs = this.sites.filter(site => site.role === "output");
  }

  _link(link) {
    const targets = unpack(link.targets),
      sources = unpack(link.sources),
      places = unpack(link.places);
    const values = this.parameters.get(link.parameter);
    const into = new Map(); // target neuron -> its connections
    targets.forEach((target, at) => {
      if (!into.has(target)) into.set(target, []);
      into.get(target).push({source: sources[at], place: places[at], weight: values[places[at]]});
    });
    const made = {...link, name: `${link.target}<-${link.source}`, targets, sources, places, values, into};
    this.byName.get(link.target).links.push(made);
    return made;
  }

  /**
   * Computes every site's value.
   * inputs: rows side by side, `columns` numbers each, as the net sees them. edits: what Cuts.edits returns, or null.
   * known: what the same inputs gave without edits; what no edit changes is taken from there.
   */
  run(inputs, columns, edits = null, known = null) {
    const rows = inputs.length / columns,
      places = rows * this.moments;
    const values = new Map(),
      changed = new Map();
    for (const site of this.sites) {
      const dirty = known ? this._touched(site, edits, changed) : null;
      const pass = {values, edits, places, before: known && known.get(site.name), dirty};
      const found = site.reading
        ? this._enter(site, inputs, columns, rows, pass)
        : site.mixture
          ? this._mix(site, pass)
          : this._drive(site, pass);
      for (const [neuron, means] of (edits && edits.neurons.get(site.name)) || []) {
        found[neuron] = this._constant(means, places);
        if (dirty) dirty[neuron] = 1;
      }
      values.set(site.name, found);
      if (dirty) changed.set(site.name, dirty);
    }
    return values;
  }

  /** Picks the answers out of all values: one array over rows for each. */
  answersOf(values) {
    const outputs = this.outputs.flatMap(site => values.get(site.name));
    return this.answers.map(([moment, neuron]) => {
      const value = outputs[neuron];
      return this.moments === 1 ? value : value.filter((_, place) => place % this.moments === moment);
    });
  }

  /** Marks the neurons of a site whose value an edit changes, given what it changed before. */
  _touched(site, edits, changed) {
    const dirty = new Uint8Array(site.size);
    for (const link of site.links) {
      const sources = changed.get(link.source),
        cut = edits.places.get(link.parameter);
      for (const [target, connections] of link.into) {
        if (connections.some(each => sources[each.source] || (cut && cut.has(each.place)))) dirty[target] = 1;
      }
    }
    for (const source of site.skips)
      changed.get(source).forEach((mark, at) => {
        if (mark) dirty[at] = 1;
      });
    if (site.mixture) {
      const size = site.size / site.mixture.heads;
      for (const source of [site.mixture.query, site.mixture.key, site.mixture.value]) {
        changed.get(source).forEach((mark, at) => {
          if (mark) dirty.fill(1, Math.floor(at / size) * size, (Math.floor(at / size) + 1) * size);
        });
      }
    }
    return dirty;
  }

  /** What the data bring: numbers, or the number of the one token that is seen. */
  _enter(site, inputs, columns, rows, {places, before}) {
    if (before) return before.slice();
    const {kind, column, stride} = site.reading,
      moments = this.moments;
    const read = offset => {
      const value = new Float64Array(places);
      for (let row = 0; row < rows; row++) {
        for (let moment = 0; moment < moments; moment++) {
          value[row * moments + moment] = inputs[row * columns + column + moment * stride + offset];
        }
      }
      return value;
    };
    if (kind === "numbers") return Array.from({length: site.size}, (_, neuron) => read(neuron));
    if (kind === "token") return [Int32Array.from(read(0))];
    return [Int32Array.from({length: places}, (_, place) => place % moments)];
  }

  /** The usual site: bias, what flows along links, what skips bring, then the activation. */
  _drive(site, {values, edits, places, before, dirty}) {
    const activation = site.activation && ACTIVATIONS[site.activation];
    return Array.from({length: site.size}, (_, neuron) => {
      if (dirty && !dirty[neuron]) return before[neuron];
      const total = new Float64Array(places).fill(site.bias ? site.bias[neuron] : 0);
      for (const link of site.links) this._flow(total, link, neuron, values.get(link.source), edits);
      for (const source of site.skips) {
        const value = values.get(source)[neuron];
        for (let place = 0; place < places; place++) total[place] += value[place];
      }
      if (activation) for (let place = 0; place < places; place++) total[place] = activation(total[place]);
      return total;
    });
  }

  /** Adds what flows along a link into one neuron; a cut connection brings its source's stand-in, if any. */
  _flow(total, link, neuron, source, edits) {
    const cut = edits && edits.places.get(link.parameter);
    const connections = link.into.get(neuron) || [];
    if (this.byName.get(link.source).reading && link.is_look_up) {
      const table = new Float64Array(this.byName.get(link.source).size);
      for (const {source: token, weight} of connections) table[token] = weight;
      for (let place = 0; place < total.length; place++) total[place] += table[source[0][place]];
      return;
    }
    for (const {source: from, place: stored, weight} of connections) {
      if (cut && cut.has(stored)) {
        const means = edits.means && this._means(link.source, from);
        if (means)
          for (let place = 0; place < total.length; place++) total[place] += weight * means[place % means.length];
        continue;
      }
      const value = source[from];
      for (let place = 0; place < total.length; place++) total[place] += weight * value[place];
    }
  }

  /** Attention: every moment's values, mixed as queries and keys say, head by head. */
  _mix(site, {values, places, before, dirty}) {
    const {query, key, value, heads, scale, is_causal: causal, rate} = site.mixture;
    const [q, k, v] = [query, key, value].map(name => values.get(name));
    const size = site.size / heads,
      moments = this.moments,
      mixed = new Array(site.size);
    const weights = new Float64Array(moments);
    for (let head = 0; head < heads; head++) {
      const first = head * size,
        last = first + size;
      for (let n = first; n < last; n++) mixed[n] = dirty && !dirty[n] ? before[n] : new Float64Array(places);
      if (dirty && !dirty[first]) continue;
      for (let place = 0; place < places; place++) {
        const row = place - (place % moments);
        let most = -Infinity,
          sum = 0;
        for (let other = 0; other < moments; other++) {
          let score = 0;
          for (let n = first; n < last; n++) score += q[n][place] * k[n][row + other];
          weights[other] = causal && row + other > place ? -Infinity : scale * score;
          most = Math.max(most, weights[other]);
        }
        for (let other = 0; other < moments; other++) sum += weights[other] = Math.exp(weights[other] - most);
        for (let other = 0; other < moments; other++) {
          const share = rate === 0 ? 1 : (rate * weights[other]) / sum + (1 - rate);
          for (let n = first; n < last; n++) mixed[n][place] += share * v[n][row + other];
        }
      }
    }
    return mixed;
  }

  /** The stand-in of a neuron at every moment: its training mean. */
  _means(name, neuron) {
    const {means, size} = this.byName.get(name);
    return Float64Array.from({length: means.length / size}, (_, moment) => means[moment * size + neuron]);
  }

  _constant(means, places) {
    return Float64Array.from({length: places}, (_, place) => (means ? means[place % means.length] : 0));
  }
}
