// The film's controls: play, a slider over the logged steps, and the events.

class FilmBar {
  constructor(stage, film) {
    Object.assign(this, {stage, film, timer: null});
    this.button = html("button", {type: "button", text: "Play", onclick: () => this.play()});
    this.slider = html("input", {
      type: "range",
      min: 0,
      max: film.length - 1,
      value: stage.frame,
      "aria-label": "logged step",
      oninput: event => {
        this.stop();
        stage.look("film", Number(event.target.value));
      },
    });
    this.words = html("p", {class: "quiet small", "aria-live": "off"});
    const events = film.events.map(({frame, step, words}) =>
      html(
        "li",
        {},
        html("button", {
          type: "button",
          class: "plain",
          text: `step ${step.toLocaleString("en-US")}: ${words}`,
          onclick: () => {
            this.stop();
            stage.look("film", frame);
          },
        }),
      ),
    );
    this.element = html(
      "div",
      {class: "film"},
      html("div", {class: "row"}, this.button, this.slider),
      this.words,
      events.length ? html("ol", {class: "events", "aria-label": "events while it trained"}, ...events) : null,
    );
  }

  play() {
    if (this.timer) return this.stop();
    let frame = this.stage.view === "film" && this.stage.frame < this.film.length - 1 ? this.stage.frame : -1;
    this.button.textContent = "Stop";
    this.timer = setInterval(() => {
      frame++;
      this.stage.look("film", frame);
      if (frame >= this.film.length - 1) this.stop();
    }, 90);
    return undefined;
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.button.textContent = "Play";
  }

  show() {
    const {stage, film} = this;
    const isOn = stage.view === "film";
    if (!isOn && this.timer) this.stop();
    this.slider.value = stage.frame;
    const step = film.steps[stage.frame].toLocaleString("en-US");
    this.slider.setAttribute("aria-valuetext", `step ${step}`);
    this.words.textContent = isOn
      ? `Step ${step}: test ${stage.task.metric} ${number(film.metric[stage.frame])}, ${film.connections[stage.frame].toLocaleString("en-US")} connections above 0.01${film.isWhole ? "" : "; the strongest are drawn"}.`
      : `How it came about: ${film.length} logged steps. Drag, or play.`;
  }
}
