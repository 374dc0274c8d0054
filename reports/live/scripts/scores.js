// A task's rows and how answers to them are judged: as in bimt/tasks/base.py.

class Task {
  constructor(model) {
    Object.assign(this, model);
    for (const key of ["inputs", "targets", "ranges", "input_shift", "input_scale", "output_shift", "output_scale"]) {
      this[key] = unpack(model[key]);
    }
    this.width = model.inputs.shape[1];
    this.isClassification = this.kind === "classification";
    if (!this.isClassification) this.columnsOfTargets = this._columns();
  }

  /** The true values, answer by answer. */
  _columns() {
    const count = this.targets.length / this.rows;
    return Array.from({length: count}, (_, answer) =>
      Float64Array.from({length: this.rows}, (_, row) => this.targets[row * count + answer]),
    );
  }

  /** One row of inputs, as the net sees it. */
  row(number) {
    return Float64Array.from(this.inputs.slice(number * this.width, (number + 1) * this.width));
  }

  toTable(column, value) {
    return value * this.input_scale[column] + this.input_shift[column];
  }
  toNet(column, value) {
    return (value - this.input_shift[column]) / this.input_scale[column];
  }
  said(answer, value) {
    return value * this.output_scale[answer] + this.output_shift[answer];
  }

  /** Metric, loss and the metric answer by answer. */
  judge(answers) {
    return this.isClassification ? this._judgeClasses(answers) : this._judgeNumbers(answers);
  }

  /** For every row the class that is said: the first of the largest answers; one that is no number counts as largest. */
  classes(answers) {
    return Int32Array.from({length: answers[0].length}, (_, row) => {
      let best = 0;
      for (let each = 0; each < answers.length; each++) {
        if (Number.isNaN(answers[each][row])) return each;
        if (answers[each][row] > answers[best][row]) best = each;
      }
      return best;
    });
  }

  _judgeNumbers(answers) {
    let squares = 0;
    const perOutput = answers.map((said, answer) => {
      const truth = this.columnsOfTargets[answer],
        mean = truth.reduce((sum, value) => sum + value, 0) / this.rows;
      let residual = 0,
        total = 0;
      for (let row = 0; row < this.rows; row++) {
        residual += (said[row] - truth[row]) ** 2;
        total += (truth[row] - mean) ** 2;
      }
      squares += residual;
      return total > 0 ? 1 - residual / total : Number(residual === 0);
    });
    const judged = this.judged.length ? this.judged : perOutput.map((_, answer) => answer);
    return {
      metric: judged.reduce((sum, answer) => sum + perOutput[answer], 0) / judged.length,
      loss: squares / this.rows / answers.length,
      perOutput,
    };
  }

  _judgeClasses(answers) {
    const said = this.classes(answers),
      counts = answers.map(() => 0),
      right = answers.map(() => 0);
    let loss = 0;
    for (let row = 0; row < this.rows; row++) {
      const truth = this.targets[row];
      counts[truth]++;
      if (said[row] === truth) right[truth]++;
      loss += this.is_squared ? squaredLoss(answers, row, truth) : crossEntropy(answers, row, truth);
    }
    return {
      metric: right.reduce((sum, count) => sum + count, 0) / this.rows,
      loss: loss / this.rows / (this.is_squared ? answers.length : 1),
      perOutput: right.map((count, each) => count / Math.max(counts[each], 1)),
    };
  }
}

function squaredLoss(answers, row, truth) {
  return answers.reduce((sum, answer, each) => sum + (answer[row] - Number(each === truth)) ** 2, 0);
}

function crossEntropy(answers, row, truth) {
  const most = answers.reduce((best, answer) => Math.max(best, answer[row]), -Infinity);
  const sum = answers.reduce((total, answer) => total + Math.exp(answer[row] - most), 0);
  return most + Math.log(sum) - answers[truth][row];
}
