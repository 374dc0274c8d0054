// The state in the page's address, behind "#play": what is cut, how things are coloured, what is looked at.

const MARK = "#play?";

/** Keeps the states of all stages of a page in its address. */
class Address {
  constructor() {
    this.stages = [];
    this.waiting = null;
    window.addEventListener("hashchange", () => this.read());
  }

  add(stage) {
    this.stages.push(stage);
  }

  /** Lets every stage take over what the address says; tells whether it said anything. */
  read() {
    if (!location.hash.startsWith(MARK)) return false;
    const said = new URLSearchParams(location.hash.slice(MARK.length));
    this.stages.forEach((stage, number) => {
      const own = new Map(
        [...said]
          .filter(([key]) => key.startsWith(this._prefix(number)))
          .map(([key, value]) => [key.slice(this._prefix(number).length), value]),
      );
      stage.restore(own);
    });
    return true;
  }

  /** Writes soon: browsers refuse to be told of every step of a slider. */
  write() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this._write(), 150);
  }

  _write() {
    const said = new URLSearchParams();
    this.stages.forEach((stage, number) => {
      for (const [key, value] of stage.state()) said.set(this._prefix(number) + key, value);
    });
    const text = String(said);
    if (!text && !location.hash.startsWith(MARK)) return; // the fragment is a section's
    history.replaceState(null, "", text ? MARK + text : location.pathname + location.search);
  }

  _prefix(number) {
    return this.stages.length > 1 ? `${number}.` : "";
  }
}
