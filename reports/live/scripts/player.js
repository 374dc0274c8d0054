// One net with its task: what it says as it is, and what it says with parts cut.

class Player {
  constructor(model, task) {
    this.model = model;
    this.task = task;
    this.net = new Net(model);
    this.cuts = new Cuts(this.net, model);
    this.space = new Space(this.net, model);
    this.scene = new Scene(this.space, model.modules);
    const started = performance.now();
    const values = this.net.run(task.inputs, task.width),
      answers = this.net.answersOf(values);
    this.pass = performance.now() - started;
    this.base = {values, answers, scores: task.judge(answers)};
    const {metric} = this.base.scores,
      expected = model.baseline.metric; // null stands for what is not finite
    this.isTrue =
      expected === null ? !Number.isFinite(metric) : Math.abs(metric - expected) <= 1e-9 * (1 + Math.abs(expected));
    this.pruned = prunedView(this.net);
    this.film = model.film ? new Film(this.net, model.film) : null;
  }

  /** What the net answers to all rows with what is cut, and with more names besides. */
  outcome(more = []) {
    const edits = this.cuts.edits(more);
    if (!edits) return {edits, ...this.base};
    const values = this.net.run(this.task.inputs, this.task.width, edits, this.base.values);
    const answers = this.net.answersOf(values);
    return {edits, values, answers, scores: this.task.judge(answers)};
  }

  view(name, frame) {
    if (name === "film") return this.film.view(frame);
    if (name === "trained") {
      if (!this.trained) this.trained = trainedView(this.net, this.model.dense);
      return this.trained;
    }
    return this.pruned;
  }
}
