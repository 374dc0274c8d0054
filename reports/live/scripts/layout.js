// Where things lie on the picture: layers from the bottom to the top, sheets in parallel projection that can be turned.

const SHEET = {width: 760, left: 64, right: 24, top: 34, bottom: 40, layer: 104, least: 62, most: 760};

class Layout {
  constructor(space) {
    this.space = space;
    this.columns = new Map(); // population -> how many places there are side by side
    this.turn = 24; // degrees
    this.tilt = 27;
    const levels = Math.max(space.levels.length - 1, 1);
    this.gap = Math.max(SHEET.least, Math.min(space.hasSheets ? 150 : SHEET.layer, SHEET.most / levels));
    const depth = space.hasSheets ? 150 : 0;
    this.width = SHEET.width;
    this.height = SHEET.top + SHEET.bottom + this.gap * levels + depth;
    this.bottom = this.height - SHEET.bottom - depth / 2;
  }

  /** Where a neuron lies. */
  at(site, neuron, places) {
    return this._project(site, ...this.space.at(site, neuron, places));
  }

  /** Where a vertex lies: a group in the middle of its neurons, pushed apart from others by the caller. */
  middle(vertex, places) {
    const all = vertex.members.map(neuron => this.at(vertex.site, neuron, places));
    return [0, 1].map(axis => all.reduce((sum, place) => sum + place[axis], 0) / all.length);
  }

  /** The corners of a site's sheet; null where it is a line. */
  sheet(site) {
    if (!this.space.hasSheets) return null;
    return [
      [0, 0],
      [0, 1],
      [1, 1],
      [1, 0],
    ].map(([across, back]) => this._project(site, across, back));
  }

  /** The baseline of a site: where its name stands. */
  height_of(site) {
    return this._project(site, 0, 0.5)[1];
  }

  /** The radius at which the neurons of a site do not touch. */
  radius(site) {
    const {slots} = this.space.populations.get(site.population);
    const width = this._span(site)[1];
    if (this.space.hasSheets) return site.size > 400 ? 1.3 : site.size > 60 ? 3 : 4.5;
    if (!this.columns.has(site.population)) {
      this.columns.set(
        site.population,
        new Set(slots.filter((_, at) => at % 2 === 0).map(x => Number(x.toFixed(6)))).size,
      );
    }
    return Math.max(1.4, Math.min(8, (0.36 * width) / Math.max(this.columns.get(site.population) - 1, 1)));
  }

  /** Sites that are equally deep stand side by side: where each begins, and how wide it is. */
  _span(site) {
    const level = this.space.levels.find(each => each.includes(site)),
      rank = level.indexOf(site);
    const room = SHEET.width - SHEET.left - SHEET.right,
      gap = 36;
    const width = (room - gap * (level.length - 1)) / level.length;
    return [SHEET.left + rank * (width + gap), width];
  }

  _project(site, x, y) {
    const level = this.space.levels.findIndex(each => each.includes(site)),
      [left, width] = this._span(site);
    const height = this.bottom - level * this.gap;
    if (!this.space.hasSheets) return [left + x * width, height];
    const turn = (this.turn * Math.PI) / 180,
      tilt = Math.sin((this.tilt * Math.PI) / 180);
    const down = x - 0.5,
      right = y - 0.5,
      side = Math.min(330, 0.7 * width);
    const across = right * Math.cos(turn) - down * Math.sin(turn),
      near = right * Math.sin(turn) + down * Math.cos(turn);
    return [left + width / 2 + side * across, height + side * tilt * near];
  }
}
