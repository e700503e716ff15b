// A map: rows as points, coloured by any column, with the row's picture, its text and its values under the pointer.
"use strict";
MORE_CHARTS.map = (d, width, kit) => {
  const { short, number, known, SOFT, INK, LINE } = kit;
  const make = (name, text = "", look = "") => {
    const made = document.createElement(name);
    if (look) made.className = look;
    if (text) { made.textContent = text; made.dir = "auto"; }
    return made;
  };
  const height = Math.round(Math.min(640, Math.max(300, width * 0.72))), pad = 12;
  const count = d.x.length, side = Math.min(d.image ? 112 : 0, width * 0.3);
  const box = make("div", "", "map"), above = make("div", "", "map-choice"), legend = make("p", "", "map-legend");
  const frame = make("div", "", "map-frame"), tip = make("div", "", "map-tip");
  const scale = (values, from, to) => {
    const [low, high] = d3.extent(values);
    return d3.scaleLinear([low === high ? low - 1 : low, low === high ? high + 1 : high], [from, to]);
  };
  // One unit is as long in both directions: distances are what a map is for.
  const spans = [d.x, d.y].map((v) => d3.extent(v)), longest = spans.map(([a, b]) => b - a || 1);
  const unit = Math.min((width - 2 * pad) / longest[0], (height - 2 * pad) / longest[1]);
  const stretch = unit * Math.max(...longest) < 0.4 * Math.min(width, height);
  const left = (width - unit * longest[0]) / 2, top = (height - unit * longest[1]) / 2;
  const sx = stretch ? scale(d.x, pad, width - pad) : (v) => left + (v - spans[0][0]) * unit;
  const sy = stretch ? scale(d.y, height - pad, pad) : (v) => top + (spans[1][1] - v) * unit;
  const at = d3.range(count).map((i) => [sx(d.x[i]), sy(d.y[i])]);

  const svg = d3.create("svg").attr("viewBox", [0, 0, width, height]).attr("width", width).attr("height", height);
  svg.append("rect").attr("width", width).attr("height", height).attr("rx", 6).attr("fill", "none").attr("stroke", LINE);
  const radius = count > 900 ? 2.6 : count > 300 ? 3.4 : 4.5;
  const order = d3.sort(d3.range(count), (i) => (d.marks && d.marks[i] ? 1 : 0)); // what is ringed lies on top
  const dots = svg.append("g").selectAll("circle").data(order).join("circle")
    .attr("cx", (i) => at[i][0]).attr("cy", (i) => at[i][1]).attr("r", radius).attr("fill-opacity", 0.8);
  if (d.marks) dots.filter((i) => d.marks[i]).attr("r", radius + 1.5).attr("stroke", INK).attr("stroke-width", 1.6);
  const ring = svg.append("circle").attr("r", radius + 5).attr("fill", "none").attr("stroke", INK).attr("stroke-width", 2).attr("visibility", "hidden");

  // Turbo without its ends, which are too dark on one paper or the other.
  const warm = (share) => d3.interpolateTurbo(0.1 + 0.8 * share), palette = d3.schemeTableau10;
  const paint = (name) => {
    legend.replaceChildren();
    const values = d.colours[name];
    if (!values) return dots.attr("fill", "var(--accent)");
    const numbers = values.filter(known);
    if (numbers.length && values.every((v) => v === null || typeof v === "number") && (new Set(numbers).size > 10 || !numbers.every(Number.isInteger))) {
      const sorted = d3.sort(numbers), low = d3.quantileSorted(sorted, 0.02), high = d3.quantileSorted(sorted, 0.98);
      const share = (v) => Math.min(1, Math.max(0, (v - low) / (high - low || 1)));
      dots.attr("fill", (i) => (known(values[i]) ? warm(share(values[i])) : SOFT));
      const bar = make("i", "", "map-bar");
      bar.style.background = `linear-gradient(to right, ${d3.range(9).map((k) => warm(k / 8)).join(",")})`;
      return legend.append(make("span", number(low)), bar, make("span", number(high)));
    }
    const kinds = d3.rollups(values.filter((v) => v !== null), (v) => v.length, (v) => String(v)).sort((a, b) => b[1] - a[1]);
    const shown = kinds.slice(0, kinds.length > 10 ? 9 : 10).map(([kind]) => kind);
    shown.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const colour = new Map(shown.map((kind, k) => [kind, palette[k]]));
    dots.attr("fill", (i) => colour.get(String(values[i])) ?? "var(--soft)");
    for (const kind of shown) {
      const one = make("span", short(kind, 24)), dot = make("i");
      dot.style.background = colour.get(kind);
      one.prepend(dot);
      legend.append(one);
    }
    if (kinds.length > shown.length) legend.append(make("span", `and ${kinds.length - shown.length} more, grey`));
    return null;
  };

  const names = Object.keys(d.colours);
  if (names.length > 1) {
    const choice = make("select");
    for (const name of names) choice.append(new Option(short(name, 40), name));
    choice.addEventListener("change", () => paint(choice.value));
    const label = make("label", "coloured by ");
    label.append(choice);
    above.append(label);
  } else if (names.length) above.append(make("span", `coloured by ${short(names[0], 40)}`));
  above.append(legend);

  const picture = (i) => {
    if (d.image && d.sheet) {
      const shown = make("div", "", "map-picture"), lines = Math.ceil(count / d.sheet.across);
      Object.assign(shown.style, {
        width: `${side}px`, height: `${side}px`, backgroundImage: `url("${d.sheet.image}")`,
        backgroundSize: `${side * d.sheet.across}px ${side * lines}px`,
        backgroundPosition: `-${(i % d.sheet.across) * side}px -${Math.floor(i / d.sheet.across) * side}px`,
      });
      return shown;
    }
    if (!d.images || !d.images[i]) return null;
    const shown = make("img", "", "map-picture");
    shown.src = d.images[i];
    shown.style.width = `${side}px`;
    return shown;
  };
  const tell = (i) => {
    tip.replaceChildren();
    const shown = picture(i), words = make("div");
    if (shown) tip.append(shown);
    if (d.labels && d.labels[i]) words.append(make("b", d.labels[i]));
    for (const name of names.slice(0, 8)) {
      const value = d.colours[name][i];
      if (value !== null) words.append(make("span", `${short(name, 24)}: ${typeof value === "number" ? number(value) : short(String(value), 40)}`));
    }
    tip.append(words);
    ring.attr("cx", at[i][0]).attr("cy", at[i][1]).attr("visibility", "visible");
    tip.style.display = "flex";
    const wide = tip.offsetWidth, tall = tip.offsetHeight;
    tip.style.left = `${Math.max(0, Math.min(width - wide, at[i][0] + (at[i][0] > width / 2 ? -wide - 12 : 12)))}px`;
    tip.style.top = `${Math.max(0, Math.min(height - tall, at[i][1] - tall / 2))}px`;
  };
  const hide = () => { tip.style.display = "none"; ring.attr("visibility", "hidden"); };
  const near = d3.Delaunay.from(at);
  const node = svg.node();
  const pointed = (event) => {
    const [x, y] = d3.pointer(event, node), i = near.find(x, y);
    if (i >= 0 && Math.hypot(at[i][0] - x, at[i][1] - y) < 30) tell(i); else hide();
  };
  node.addEventListener("pointermove", pointed);
  node.addEventListener("pointerdown", pointed);
  node.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hide(); });
  hide();
  paint(names[0]);
  frame.append(node, tip);
  box.append(above, frame);
  return box;
};
