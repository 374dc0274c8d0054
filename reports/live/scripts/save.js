// Taking things away from the page: the picture as SVG or PNG, any table as CSV.

/** Offers text or bytes as a download. */
function save(content, name) {
  const address = URL.createObjectURL(content);
  html("a", {href: address, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

const INKS = [
  "fill",
  "stroke",
  "fill-opacity",
  "stroke-opacity",
  "stroke-width",
  "stroke-dasharray",
  "font-family",
  "font-size",
  "font-weight",
];

/** The picture on its own: looks are written into attributes, since no style sheet goes with it. */
function standalone(root) {
  const copy = root.cloneNode(true),
    from = root.querySelectorAll("*"),
    to = copy.querySelectorAll("*");
  from.forEach((element, at) => {
    const style = getComputedStyle(element);
    for (const ink of INKS) to[at].setAttribute(ink, style.getPropertyValue(ink));
    for (const name of ["class", "tabindex", "role", "aria-label", "aria-pressed"]) to[at].removeAttribute(name);
  });
  const [x, y, width, height] = root.getAttribute("viewBox").split(" ");
  fill(copy, {width, height, role: "img"});
  for (const name of ["class", "tabindex"]) copy.removeAttribute(name);
  copy.prepend(svg("rect", {x, y, width, height, fill: getComputedStyle(document.body).backgroundColor}));
  return new XMLSerializer().serializeToString(copy);
}

function saveSvg(root, name) {
  save(new Blob([standalone(root)], {type: "image/svg+xml"}), `${name}.svg`);
}

function savePng(root, name) {
  const image = new Image(),
    [, , width, height] = root.getAttribute("viewBox").split(" ").map(Number);
  image.onload = () => {
    const canvas = html("canvas", {width: 2 * width, height: 2 * height});
    canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
    canvas.toBlob(blob => save(blob, `${name}.png`));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(root))}`;
}

const NUMBER = /^[+−-]?[\d,]*\.?\d+(e[−-]?\d+)?$/;

/** A table's rows as CSV (RFC 4180); text that a spreadsheet would run as a formula is kept from that. */
function csvOf(table) {
  const cell = text => {
    const plain = text.trim(),
      isNumber = NUMBER.test(plain);
    const safe = isNumber ? plain.replaceAll("−", "-") : /^[=+@−-]/.test(plain) ? `'${plain}` : plain;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return (
    Array.from(table.rows, row => Array.from(row.cells, each => cell(each.textContent)).join(",")).join("\r\n") + "\r\n"
  );
}

/** Gives every table a button, once. */
function offerTables(root) {
  root.querySelectorAll(".scroll:not(:has(+ .take)) > table").forEach(table => {
    const label = table.parentElement.getAttribute("aria-label") || "table";
    const name =
      label
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .slice(0, 60) || "table";
    table.parentElement.after(
      html("button", {
        type: "button",
        class: "plain take",
        text: "↓ CSV",
        "aria-label": `${label} as CSV`,
        onclick: () => save(new Blob(["\ufeff", csvOf(table)], {type: "text/csv"}), `${name}.csv`),
      }),
    );
  });
}
