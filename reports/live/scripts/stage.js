// Where one net is played with: the picture, what it says now, its training film, a row by hand, charts, modules.

const HELP =
  "Click a neuron or a connection to cut it, again to restore it. Keys, with the picture in focus: arrows walk " +
  "from neuron to neuron, full stop and comma along the connections of one, Enter cuts, u undoes, r restores all, " +
  "/ searches.";

class Stage {
  constructor(host, model, task, address, isOneOfMany = false) {
    this.player = new Player(model, task);
    this.address = address;
    const {player} = this;
    Object.assign(this, {
      host,
      model,
      task,
      isOneOfMany,
      colour: "both",
      view: "pruned",
      frame: 0,
      pointed: null,
      isTouched: false,
    });
    if (player.film) this.frame = player.film.length - 1;
    this.layout = new Layout(player.space);
    this.picture = new Picture(this.layout, model.labels, `The net ${model.name}. ${HELP}`, {
      point: item => this._point(item),
      press: (item, name) => this._press(item, name),
    });
    this.probe = new Probe(player, () => this._probed());
    this.charts = chartsOf(player);
    this.board = new Board(this);
    host.replaceChildren(this.board.element);
    offerTables(host);
    this.board.element.addEventListener("keydown", event => this._key(event));
    this._draw();
    this._cut();
  }

  /** Ablates or restores, by name. */
  toggle(name) {
    this._look("pruned");
    this.player.cuts.toggle(name);
    this._cut();
  }

  undo() {
    if (this.player.cuts.undo()) this._cut();
  }

  clear() {
    this.player.cuts.clear();
    this._cut();
  }

  setMethod(method) {
    this.player.cuts.setMethod(method);
    this._cut();
  }

  setColour(colour) {
    this.colour = colour;
    this._paint();
    this.board.show();
    this.address.write();
  }

  /** Shows the pruned net, the net as trained, or a snapshot. */
  look(view, frame = this.frame) {
    this._look(view, frame);
    this.address.write();
  }

  /** Finds a neuron or connection by the start of its name or label. */
  search(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return true;
    const names = this._names(),
      exact = names.find(([, words]) => words.includes(wanted));
    const [label] = exact || names.find(([, words]) => words.some(each => each.startsWith(wanted))) || [null];
    if (label === null) return false;
    const group = this.scene.vertices.find(
      each => each.isGroup && each.members.some(index => `${each.site.name}[${index}]` === label),
    );
    if (group) this._open(group.key);
    return this.picture.focus(label);
  }

  turn(turn, tilt) {
    Object.assign(this.layout, {turn, tilt});
    this._draw();
  }

  closeGroups() {
    this.player.scene.open.clear();
    this._draw();
  }

  /** What the address keeps, as pairs. */
  state() {
    const {cuts} = this.player,
      said = [];
    if (cuts.names.size) said.push(["cut", [...cuts.names].join(";")]);
    if (cuts.method !== "zero") said.push(["by", cuts.method]);
    if (this.colour !== "both") said.push(["colour", this.colour]);
    if (this.view !== "pruned") said.push(["view", this.view]);
    if (this.view === "film") said.push(["frame", String(this.frame)]);
    if (this.isTouched)
      said.push(this.probe.row === null ? ["x", this.probe.table.join(";")] : ["row", String(this.probe.row)]);
    return said;
  }

  restore(said) {
    this.player.cuts.set((said.get("cut") || "").split(";").filter(Boolean), said.get("by"));
    this.isTouched = true; // a row that an address says changes neither view nor colour
    const isMoved = said.has("x")
      ? this.probe.set(said.get("x").split(";").map(parseFloat))
      : this.probe.choose(parseFloat(said.get("row")));
    if (!isMoved) this.probe.forget();
    this.isTouched = isMoved;
    this.colour = this.board.hasColour(said.get("colour")) ? said.get("colour") : "both";
    const view = said.get("view"),
      frame = parseFloat(said.get("frame"));
    this._look(
      Object.hasOwn(this.board.views, view) ? view : "pruned",
      this.player.film && this.player.film.has(frame) ? frame : this.frame,
    );
    this._cut();
  }

  _look(view, frame = this.frame) {
    if (view === this.view && frame === this.frame) return;
    Object.assign(this, {view, frame});
    this._draw();
    this.board.show();
  }

  _draw() {
    const {player} = this;
    this.seen = player.view(this.view, this.frame);
    this.scene = player.scene.build(this.seen);
    const isLive = this.view === "pruned";
    this.picture.draw(this.scene, item => {
      if (!isLive || item.isGroup) return "";
      if (!item.source)
        return item.isAlive && item.site.role !== "output" ? player.cuts.names_at.get(item.title) || "" : "";
      return item.edge && item.edge.at !== null ? player.cuts.connection(item.edge.link, item.edge.at) : "";
    });
    this._paint();
  }

  _paint() {
    const gone = this.view === "pruned" ? this.player.cuts.gone() : {neurons: new Set(), connections: new Set()};
    const colour = this.view !== "pruned" && ["activation", "importance"].includes(this.colour) ? "both" : this.colour;
    this.picture.paint(painter({player: this.player, scene: this.scene, colour, values: this.probe.values, gone}));
    this.picture.highlight(this.pointed);
  }

  /** Works out everything anew that depends on what is cut. */
  _cut() {
    const outcome = this.player.outcome();
    this.outcome = outcome;
    this.probe.update(outcome.edits);
    for (const each of this.charts) each.update({...outcome, row: this.probe.row});
    this._paint();
    this.board.show();
    this.board.details(this.pointed);
    this.address.write();
  }

  _probed() {
    if (!this.isTouched) {
      this.isTouched = true;
      this.colour = "activation";
      this._look("pruned");
      this.board.show();
    }
    this.probe.update(this.outcome.edits);
    for (const each of this.charts) each.update({...this.outcome, row: this.probe.row});
    this._paint();
    this.board.details(this.pointed);
    this.address.write();
  }

  _point(item) {
    if (item === this.pointed) return;
    this.pointed = item;
    this.picture.highlight(item);
    this.board.details(item);
  }

  _press(item, name) {
    if (item.isGroup) this._open(item.key);
    else if (name) this.toggle(name);
  }

  _open(key) {
    this.player.scene.toggleGroup(key);
    this.pointed = null;
    this._draw();
    this.board.show();
  }

  _names() {
    const neurons = this.player.space.sites.flatMap(site =>
      Array.from({length: site.size}, (_, index) => {
        const label = `${site.name}[${index}]`,
          called = this.model.labels[label];
        return [
          label,
          [
            label,
            ...(called ? [called] : []),
            ...(this.player.cuts.names_at.has(label) ? [this.player.cuts.names_at.get(label)] : []),
          ].map(each => each.toLowerCase()),
        ];
      }),
    );
    const connections = this.scene.edges
      .filter(item => item.edge)
      .map(item => [item.label, [item.label.toLowerCase()]]);
    return [...neurons, ...connections];
  }

  _key(event) {
    if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const done = {u: () => this.undo(), r: () => this.clear(), "/": () => this.board.find.focus()}[event.key];
    if (!done) return;
    done();
    event.preventDefault();
  }
}
