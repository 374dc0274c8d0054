// Arrays that reports/live/arrays.py wrote as text.

const TYPES = {
  u1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  i4: Int32Array,
  f4: Float32Array,
  f8: Float64Array,
};

/** Reads one array; numbers behind the point come as float64, whole numbers in the type they are stored in. */
function unpack({type, data, levels}) {
  const text = atob(data);
  const bytes = Uint8Array.from(text, letter => letter.charCodeAt(0));
  const stored = new TYPES[type](bytes.buffer);
  if (levels) {
    const values = unpack(levels);
    return Float64Array.from(stored, place => values[place]);
  }
  return type === "f4" ? Float64Array.from(stored) : stored;
}
