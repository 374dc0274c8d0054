// The functions of bimt/nets/activations.py, by the same names.

/** The error function to about 1e-15: all terms of the series have one sign; far out a continued fraction. */
function erf(x) {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (size > 6) return Math.sign(x);
  if (size > 3) {
    let tail = 0;
    for (let depth = 60; depth > 0; depth--) tail = depth / 2 / (size + tail);
    return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + tail));
  }
  let term = size,
    sum = size;
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (2 * size * size) / (2 * n + 1);
    sum += term;
  }
  return ((Math.sign(x) * 2) / Math.sqrt(Math.PI)) * Math.exp(-size * size) * sum;
}

const SELU_SCALE = 1.0507009873554805,
  SELU_ALPHA = 1.6732632423543772;

const ACTIVATIONS = {
  silu: x => x / (1 + Math.exp(-x)),
  selu: x => SELU_SCALE * (x > 0 ? x : SELU_ALPHA * Math.expm1(x)),
  relu: x => (x < 0 ? 0 : x),
  gelu: x => (x / 2) * (1 + erf(x / Math.SQRT2)),
  gelu_tanh: x => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
  tanh: Math.tanh,
};
