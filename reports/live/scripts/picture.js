// The picture of the net: draws a scene, paints it by what is known and what is cut, says what is pointed at.

const NEAR = 7; // so many pixels from a thin line it still counts as pointed at
const LEANING = 44; // leaning names need so much more room
const WIDEST = 4.6,
  THINNEST = 0.7;

class Picture {
  /** tell: {point(item or null), press(item)}. An item is a vertex or an edge of the scene. */
  constructor(layout, labels, title, tell) {
    Object.assign(this, {layout, labels, tell});
    this.root = svg("svg", {role: "group", "aria-label": title, class: "net", tabindex: -1, xmlns: SVG});
    this.items = new Map(); // element -> item
    this.root.addEventListener("pointermove", event => this.tell.point(this._find(event)));
    this.root.addEventListener("pointerleave", () => this.tell.point(null));
    this.root.addEventListener("click", event => this._press(event));
    this.root.addEventListener("focusin", event => this._focused(event.target));
    this.root.addEventListener("keydown", event => this._key(event));
  }

  /** Draws everything anew. nameOf gives the name under which an item is ablated, "" where it cannot be. */
  draw(scene, nameOf) {
    const held = this.current ? this.current.item : {},
      hasFocus = this.root.contains(document.activeElement);
    this.scene = scene;
    this.items.clear();
    this.hooked = new Set();
    this._place(scene);
    this.edges = scene.edges.map(edge => this._edge(edge, nameOf));
    this.vertices = scene.vertices.map(vertex => this._vertex(vertex, nameOf));
    this.root.replaceChildren(
      ...this._sheets(),
      ...this._siteNames(),
      this._fixed(),
      svg("g", {}, ...this.edges.map(each => each.element)),
      svg("g", {}, ...this.vertices.map(each => each.element)),
      svg("g", {"aria-hidden": "true"}, ...this._endNames()),
    );
    this._adjacent();
    const again =
      this._all().find(each => each.item.label === held.label) ||
      this.vertices.find(each => each.item.group && each.item.group === held.group) ||
      this.vertices.find(each => each.item.isAlive);
    this._hold(again || null);
    if (hasFocus && again) again.element.focus({preventScroll: true});
  }

  /** Sets tones, widths and marks; paint(item) returns {tone, width or fill, opacity, isGone}. */
  paint(paint) {
    for (const part of this.edges) {
      const {tone, width, opacity, isGone} = paint(part.item);
      const {source, target} = part.item,
        middle = Math.hypot(source.x - target.x, source.y - target.y) / 2;
      fill(part.element, {
        class: `edge s-${tone}${isGone ? " gone" : ""}`,
        "stroke-width": length(isGone ? 1.5 : width),
        "stroke-opacity": length(isGone ? 0.7 : opacity),
        "aria-pressed": part.name ? String(isGone) : null,
        "stroke-dasharray": isGone ? "3 3" : "none",
        "stroke-dashoffset": isGone ? length(1.5 - (middle % 6)) : null,
      }); // there is a dash in the middle: it can be clicked
    }
    for (const part of this.vertices) {
      const {tone, opacity, isGone} = paint(part.item);
      fill(part.element, {
        class: `neuron f-${isGone ? "paper" : tone} s-${isGone ? "negative" : "paper"}${isGone ? " gone" : ""}`,
        "fill-opacity": length(opacity),
        "aria-pressed": part.name ? String(isGone) : null,
      });
    }
  }

  /** Puts the keyboard on the part of that label. */
  focus(label) {
    const part = this._all().find(each => each.item.label === label || each.name === label);
    if (part) {
      this._hold(part);
      part.element.focus();
    }
    return Boolean(part);
  }

  /** Marks what is pointed at, and what hangs on it. */
  highlight(item) {
    this.root.querySelectorAll(".pointed, .beside").forEach(each => each.classList.remove("pointed", "beside"));
    if (!item) return;
    for (const part of this._all()) {
      if (part.item === item) part.element.classList.add("pointed");
      else if (
        item.source === part.item ||
        item.target === part.item ||
        part.item.source === item ||
        part.item.target === item
      )
        part.element.classList.add("beside");
    }
  }

  /** Works out where vertices lie; groups that would lie on each other are pushed apart. */
  _place(scene) {
    for (const vertex of scene.vertices) {
      [vertex.x, vertex.y] = this.layout.middle(vertex, scene.places);
      const radius = this.layout.radius(vertex.site);
      vertex.radius = vertex.isGroup ? 6 + 2.2 * Math.sqrt(Math.min(vertex.members.length, 100)) : radius;
    }
    const bySite = new Map();
    for (const vertex of scene.vertices.filter(each => each.isGroup)) {
      if (!bySite.has(vertex.site)) bySite.set(vertex.site, []);
      bySite.get(vertex.site).push(vertex);
    }
    for (const groups of bySite.values()) spread(groups, SHEET.left + 8, SHEET.width - SHEET.right - 8);
  }

  _edge(edge, nameOf) {
    const {source, target} = edge,
      name = nameOf(edge);
    const bundle = edge.count > 1;
    edge.label = bundle
      ? `${source.title} → ${target.title}`
      : `${edge.edge.link.source}[${edge.edge.source}]->${edge.edge.link.target}[${edge.edge.target}]`;
    const isFirst = name && !this.hooked.has(name);
    if (isFirst) this.hooked.add(name);
    // an upright line has a box without width, which tools for testing and reading aloud take for hidden
    const aside = Math.abs(source.x - target.x) < 0.4 ? 0.4 : 0;
    const element = svg("line", {
      x1: length(source.x),
      y1: length(source.y),
      x2: length(target.x + aside),
      y2: length(target.y),
      "stroke-linecap": "round",
      tabindex: -1,
      role: name ? "button" : "img",
      "aria-label": bundle
        ? `${edge.count} connections, ${edge.label}`
        : `connection ${edge.label}, weight ${number(edge.value)}`,
      "data-connection": isFirst ? name : null,
      "data-tied": name && !isFirst ? name : null,
    });
    return this._keep({element, item: edge, name});
  }

  _vertex(vertex, nameOf) {
    const name = nameOf(vertex),
      label = this.labels[vertex.title];
    vertex.label = vertex.title;
    const isFirst = name && !this.hooked.has(name);
    if (isFirst) this.hooked.add(name);
    const radius = vertex.isAlive || vertex.isGroup ? vertex.radius : Math.max(0.4 * vertex.radius, 0.8);
    const element = svg("circle", {
      cx: length(vertex.x),
      cy: length(vertex.y),
      r: length(radius),
      tabindex: -1,
      "stroke-width": vertex.radius > 3 ? 1.5 : 0.5,
      role: name || vertex.isGroup ? "button" : "img",
      "aria-label": vertex.isGroup
        ? `open ${vertex.title}, ${vertex.members.length} neurons`
        : `neuron ${vertex.title}${label ? `, ${label}` : ""}${vertex.isAlive ? "" : ", without connections"}`,
      "data-neuron": isFirst ? name : null,
      "data-also": name && !isFirst ? name : null,
      "data-group": vertex.isGroup ? vertex.key : null,
      "data-end": vertex.site.role === "output" && !vertex.isGroup ? vertex.title : null,
    });
    return this._keep({element, item: vertex, name});
  }

  _keep(part) {
    this.items.set(part.element, part);
    return part;
  }

  _all() {
    return [...this.vertices, ...this.edges];
  }

  _sheets() {
    return this.layout.space.sites
      .map(site => this.layout.sheet(site))
      .filter(Boolean)
      .map(corners =>
        svg("polygon", {class: "sheet", points: corners.map(place => place.map(length).join(",")).join(" ")}),
      );
  }

  /** What leads from site to site without a weight: skips neuron by neuron, gates head by head. */
  _fixed() {
    const lines = new Set(),
      {byNeuron} = this.scene,
      ends = [];
    const vertex = (site, neuron) => byNeuron.get(`${site}[${neuron}]`);
    for (const site of this.layout.space.sites) {
      const {mixture} = site;
      for (const source of [...site.skips, ...(mixture ? [mixture.value] : [])]) {
        for (let neuron = 0; neuron < site.size; neuron++)
          ends.push([[vertex(source, neuron)], [vertex(site.name, neuron)]]);
      }
      for (const source of mixture ? [mixture.query, mixture.key] : []) {
        const size = site.size / mixture.heads;
        for (let head = 0; head < mixture.heads; head++) {
          const own = name => Array.from({length: size}, (_, at) => vertex(name, head * size + at)).filter(isShown);
          ends.push([own(source), own(site.name)]);
        }
      }
    }
    for (const [from, to] of ends) {
      if (from.length && to.length && [...from, ...to].every(isShown)) lines.add(`M${center(from)}L${center(to)}`);
    }
    return svg("path", {class: "s-faint fixed", d: [...lines].join("")});
  }

  _siteNames() {
    return this.layout.space.levels.flatMap((level, height) =>
      level.map(site => {
        const alone = level.length === 1,
          [left] = this.layout._span(site),
          away = height ? -12 : 22;
        return svg("text", {
          class: "f-muted site",
          x: alone ? 4 : length(left - 12),
          y: length(this.layout.height_of(site) + (alone ? 4 : away)),
          "font-size": 12,
          text: fitted(site.name, alone ? 54 : 80, 12),
        });
      }),
    );
  }

  /** Names of inputs and outputs; on small windows larger where they have the room. */
  _endNames() {
    const ends = this.scene.vertices.filter(each => !each.isGroup && this.labels[each.title]);
    const rows = ["input", "output"].map(role => ({
      role,
      ...this._rowOfNames(ends.filter(each => each.site.role === role)),
    }));
    this.root.classList.toggle(
      "few-names",
      rows.every(each => each.isRoomy),
    );
    const [below, above] = rows.map(each => (each.leans ? LEANING : 0)),
      {width, height} = this.layout;
    this.root.setAttribute("viewBox", `0 ${-above} ${width + above} ${Math.ceil(height) + above + below}`);
    return rows.flatMap(({role, row, ...look}) =>
      row.map((vertex, rank) => this._endName(vertex, role, {...look, lift: (rank % look.rows) * look.size})),
    );
  }

  /** Names are smaller where many, in two rows, leaning where long; left out where none of it helps. */
  _rowOfNames(ends) {
    const row = ends.sort((a, b) => a.x - b.x),
      longest = row.reduce((most, each) => Math.max(most, this.labels[each.title].length), 1);
    const step = row.slice(1).reduce((least, each, at) => Math.min(least, each.x - row[at].x), SHEET.width);
    const fits = room => (room - 3) / (0.6 * longest),
      rows = fits(step) < 9 ? 2 : 1;
    const size = row.length > 1 ? Math.min(13, fits(rows * step)) : 13;
    if (size >= 8)
      return {
        row,
        leans: false,
        rows,
        size,
        room: Math.max(rows * step, 60),
        isRoomy: row.length < 2 || fits(step) > 20,
      };
    const leans = step >= 13;
    return {row: leans ? row : [], leans, rows: 1, size: 11, room: 96, isRoomy: false};
  }

  _endName({x, y, radius, title, isAlive}, role, {leans, size, room, lift}) {
    const place = length(role === "output" ? y - radius - 7 - lift : y + radius + 5 + 0.85 * size + lift);
    return svg("text", {
      class: isAlive ? "f-ink" : "f-muted",
      x: length(x),
      y: place,
      "font-size": length(size),
      "font-weight": 600,
      "text-anchor": !leans ? "middle" : role === "output" ? "start" : "end",
      transform: leans ? `rotate(-35 ${length(x)} ${place})` : null,
      text: fitted(this.labels[title], room, size),
    });
  }

  /** Which part lies under the pointer: what the browser says, else the nearest neuron or line. */
  _find(event) {
    const part = this.items.get(event.target);
    if (part && (part.name || part.item.isGroup)) return part.item;
    const toScreen = this.root.getScreenCTM();
    const {x, y} = new DOMPoint(event.clientX, event.clientY).matrixTransform(toScreen.inverse());
    let best = part ? part.item : null,
      least = part ? 0 : NEAR / toScreen.a;
    for (const {item} of this.vertices) {
      const away = Math.hypot(item.x - x, item.y - y) - item.radius;
      if ((item.isAlive || item.isGroup) && away < Math.min(least, 4 / toScreen.a)) [best, least] = [item, away];
    }
    if (best) return best;
    for (const {item} of this.edges) {
      const away = distanceToLine(x, y, item.source, item.target);
      if (away < least) [best, least] = [item, away];
    }
    return best;
  }

  _press(event) {
    const own = this.items.get(event.target),
      item = own ? own.item : this._find(event);
    if (!item) return;
    const part = own || this._all().find(each => each.item === item);
    this._hold(part);
    this.tell.press(item, part.name);
  }

  _focused(element) {
    const part = this.items.get(element);
    if (!part) return;
    this._hold(part);
    this.tell.point(part.item);
  }

  /** Lets the Tab key come back to this part. */
  _hold(part) {
    if (this.current) this.current.element.setAttribute("tabindex", "-1");
    this.current = part;
    if (part) part.element.setAttribute("tabindex", "0");
  }

  /** Sorts neurons by row, for the arrow keys. */
  _adjacent() {
    const alive = this.vertices.filter(each => each.item.isAlive || each.item.isGroup);
    const level = part => this.layout.space.levels.findIndex(sites => sites.includes(part.item.site));
    this.rows = this.layout.space.levels
      .map((_, rank) => alive.filter(part => level(part) === rank).sort((a, b) => a.item.x - b.item.x))
      .filter(row => row.length);
  }

  /** Arrows go from neuron to neuron, full stop and comma through the connections of one; Enter cuts. */
  _key(event) {
    const part = this.current;
    if (!part || event.ctrlKey || event.metaKey || event.altKey) return;
    const go = {
      ArrowLeft: () => this._beside(part, -1),
      ArrowRight: () => this._beside(part, 1),
      ArrowUp: () => this._across(part, 1),
      ArrowDown: () => this._across(part, -1),
      ".": () => this._along(part, 1),
      ",": () => this._along(part, -1),
    }[event.key];
    if (go) {
      const next = go();
      if (next) next.element.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      this.tell.press(part.item, part.name);
    } else {
      return;
    }
    event.preventDefault();
  }

  _beside(part, step) {
    const row = this.rows.find(each => each.includes(part));
    return row && row[(row.indexOf(part) + step + row.length) % row.length];
  }

  _across(part, step) {
    if (part.item.source)
      return this.vertices.find(each => each.item === (step > 0 ? part.item.target : part.item.source));
    const rank = this.rows.findIndex(row => row.includes(part)),
      row = this.rows[rank + step];
    return (
      row &&
      row.reduce((best, each) =>
        Math.abs(each.item.x - part.item.x) < Math.abs(best.item.x - part.item.x) ? each : best,
      )
    );
  }

  _along(part, step) {
    const neuron = part.item.source ? this.held : part.item;
    this.held = neuron;
    const own = this.edges.filter(each => each.item.source === neuron || each.item.target === neuron);
    const at = own.indexOf(part);
    return own[at < 0 ? (step > 0 ? 0 : own.length - 1) : (at + step + own.length) % own.length];
  }
}

const isShown = vertex => vertex && vertex.isAlive;

/** The middle of some vertices, as a path says it. */
function center(vertices) {
  return ["x", "y"]
    .map(axis => length(vertices.reduce((sum, each) => sum + each[axis], 0) / vertices.length))
    .join(" ");
}

/** Pushes groups of one row apart until they do not touch. */
function spread(groups, left, right) {
  groups.sort((a, b) => a.x - b.x);
  for (let round = 0; round < 40; round++) {
    for (let at = 1; at < groups.length; at++) {
      const [one, other] = [groups[at - 1], groups[at]],
        missing = one.radius + other.radius + 4 - (other.x - one.x);
      if (missing > 0) [one.x, other.x] = [one.x - missing / 2, other.x + missing / 2];
    }
    for (const each of groups) each.x = Math.min(Math.max(each.x, left + each.radius), right - each.radius);
  }
}

function distanceToLine(x, y, from, to) {
  const dx = to.x - from.x,
    dy = to.y - from.y,
    size = dx * dx + dy * dy || 1;
  const along = Math.max(0, Math.min(1, ((x - from.x) * dx + (y - from.y) * dy) / size));
  return Math.hypot(x - from.x - along * dx, y - from.y - along * dy);
}

function fitted(text, width, size) {
  const most = Math.max(Math.floor(width / (0.58 * size)), 3),
    letters = Array.from(text); // not halves of one
  return letters.length <= most
    ? text
    : `${letters
        .slice(0, most - 1)
        .join("")
        .trimEnd()}…`;
}
