// The charts. Each function takes its data and a width in pixels and gives an element; colours are the style's variables,
// so that light, dark and paper need no redrawing. A chart that cannot be drawn says so and leaves its table standing.
"use strict";
(() => {
  const ERAS = ["theory", "classical", "modern", "blend"];
  const COLOUR = Object.fromEntries(ERAS.map((era) => [era, `var(--${era})`]));
  const SYMBOL = { theory: "circle", classical: "square", modern: "triangle", blend: "diamond" };
  const SOFT = "var(--soft)", INK = "var(--ink)", LINE = "var(--line)", BAD = "var(--bad)", ACCENT = "var(--accent)";

  const short = (text, most = 26) => ([...text].length > most ? [...text].slice(0, most - 1).join("") + "…" : text);
  const middle = (text, most) => { // the ends of names tell more than their middles
    const all = [...text], half = Math.floor((most - 1) / 2);
    return all.length > most ? `${all.slice(0, most - 1 - half).join("")}…${all.slice(-half).join("")}` : text;
  };
  const number = (v) => (Math.abs(v) >= 1e5 || (v !== 0 && Math.abs(v) < 1e-3) ? d3.format(".3~s")(v) : d3.format(",.4~r")(v));
  const percent = (v) => `${number(Number((100 * v).toPrecision(3)))}%`; // as a tick; a value keeps its decimal
  const tick = (isPercent) => (isPercent ? percent : number);
  const show = (isPercent) => (isPercent ? (v) => `${(100 * v).toFixed(1)}%` : number);
  const seconds = (s) => s < 1 ? `${number(Number((1000 * s).toPrecision(2)))} ms` : s < 60 ? `${number(Number(s.toPrecision(3)))} s`
    : s < 3600 ? `${number(Number((s / 60).toPrecision(2)))} min` : `${number(Number((s / 3600).toPrecision(2)))} h`;
  const wide = (text, size = 12) => [...text].length * size * 0.56; // about as wide as it will be, in pixels
  const known = (v) => v !== null && v !== undefined && Number.isFinite(v);
  const halo = { stroke: "var(--paper)", strokeWidth: 4, paintOrder: "stroke" };

  // An axis label stands above its axis, unhurried by arrows.
  const axisX = (label, more = {}) => Plot.axisX({ label, labelAnchor: "right", labelArrow: false, labelOffset: 36, tickSize: 0, ...more });
  const axisY = (label, more = {}) => Plot.axisY({ label, labelArrow: false, tickSize: 0, ...more });

  const scaleX = (label, width, tickFormat, ticks = Math.max(3, Math.floor(width / 120))) => [
    Plot.gridX({ ticks, stroke: LINE, strokeOpacity: 1 }), axisX(label, { ticks, tickFormat, fill: SOFT })];
  const scaleY = (label, left, tickFormat, ticks) => [
    Plot.gridY({ ticks, stroke: LINE, strokeOpacity: 1 }), axisY(label, { ticks, tickFormat, fill: SOFT, labelAnchor: "top", labelOffset: left })];

  const plot = (options) => Plot.plot({ ...options, marks: options.marks.filter(Boolean) });

  const headline = (d, width) => {
    const ends = [d.value, d.low, d.high, d.baseline].filter(known);
    const top = Math.max(...ends) * 1.06 || 1;
    const say = show(d.percent);
    const side = (v) => (v / top < 0.12 ? "start" : v / top > 0.85 ? "end" : "middle");
    const worse = known(d.high) && known(d.baseline) && d.high >= d.baseline;
    return plot({
      width, height: 96, marginLeft: 8, marginRight: 8, marginTop: 26, marginBottom: 40,
      x: { domain: [0, top] }, y: { domain: [-1, 1], axis: null },
      marks: [
        ...scaleX(null, width, tick(d.percent)),
        known(d.baseline) && Plot.ruleX([d.baseline], { stroke: INK, strokeWidth: 2, strokeDasharray: "4 3" }),
        known(d.baseline) && Plot.text([d.baseline], { x: (v) => v, frameAnchor: "bottom", dy: 34, textAnchor: side(d.baseline), text: (v) => `baseline ${say(v)}`, fill: INK }),
        known(d.low) && known(d.high) && Plot.link([d], { x1: "low", x2: "high", y1: 0, y2: 0, stroke: worse ? BAD : ACCENT, strokeWidth: 7, strokeOpacity: 0.4, strokeLinecap: "round" }),
        Plot.dot([d], { x: "value", y: 0, r: 7, fill: worse ? BAD : ACCENT, stroke: "var(--paper)", strokeWidth: 2 }),
        Plot.text([d], { x: "value", frameAnchor: "top", dy: -14, textAnchor: side(d.value), text: (v) => `this model ${say(v.value)}`, fontWeight: 600, fill: worse ? BAD : ACCENT }),
      ],
    });
  };

  // Names of marked points, above or below them and moved until none lies upon another or upon a mark.
  const placed = (points, x, y, edges, taken) => {
    const boxes = [...taken];
    return points.toSorted((a, b) => y(a) - y(b)).map((p) => {
      const text = middle(p.name, 26), half = wide(text) / 2 + 3;
      const at = Math.min(Math.max(x(p), edges[0] + half), edges[1] - half);
      const hits = (dy) => d3.sum(boxes, (b) => (Math.abs(b.x - at) < b.half + half && Math.abs(b.y - y(p) - dy) < b.tall + 7 ? b.cost : 0));
      const outside = (dy) => 9 * (y(p) + dy < edges[2] || y(p) + dy > edges[3]);
      const dy = d3.least([-16, 16, -30, 30, -44, 44, -58, -72, -86, -100], (step) => hits(step) + outside(step) + Math.abs(step) / 1000);
      boxes.push({ x: at, half, y: y(p) + dy, tall: 7, cost: 4 });
      return { ...p, text, dx: at - x(p), dy };
    });
  };

  const decades = ([from, to], steps) => d3.range(Math.floor(Math.log10(from)), Math.ceil(Math.log10(to)) + 1)
    .flatMap((k) => steps.map((step) => step * 10 ** k)).filter((v) => v >= from && v <= to);

  const ladder = (d, width) => {
    const height = Math.round(Math.min(440, Math.max(320, width * 0.5)));
    const margin = { left: width < 500 ? 44 : 56, right: 14, top: 30, bottom: 44 };
    const say = show(d.percent);
    const points = d.points.map((p) => ({ ...p, seconds: Math.max(p.seconds || 0, 1e-3) }));
    const done = points.filter((p) => known(p.error)), failed = points.filter((p) => !known(p.error));
    const errors = done.map((p) => p.error);
    const best = Math.min(...errors), worst = Math.max(...errors);
    const roof = known(d.baseline) && d.baseline > best ? Math.min(Math.max(d.baseline, d3.quantile(errors, 0.75)), Math.max(worst, d.baseline)) : worst;
    const span = roof - best || best || 1;
    const log = best > 0 && roof / best > 5; // else a far baseline would press all candidates into one line
    const high = log ? roof * 1.4 : roof + span * 0.12, low = log ? best / 1.4 : Math.max(0, best - span * 0.12);
    const spent = points.map((p) => p.seconds).concat(known(d.budget) ? [d.budget] : []);
    const domain = [Math.min(...spent) / 1.6, Math.max(...spent) * 1.6];
    const x = d3.scaleLog(domain, [margin.left, width - margin.right]);
    const y = (log ? d3.scaleLog : d3.scaleLinear)([low, high], [height - margin.bottom, margin.top]);
    const shown = done.map((p) => ({ ...p, at: Math.min(p.error, high), off: p.error > high }));

    const steps = [];
    for (const p of done.toSorted((a, b) => a.seconds - b.seconds || a.error - b.error))
      if (p.error <= high && !p.partial && (!steps.length || p.error < steps.at(-1).error)) steps.push({ seconds: p.seconds, error: p.error });
    if (steps.length) steps.push({ seconds: Math.max(d.budget || 0, steps.at(-1).seconds), error: steps.at(-1).error });

    const times = decades(domain, width / Math.log10(domain[1] / domain[0]) > 200 ? [1, 2, 5] : [1]);
    const levels = log ? decades([low, high], [1, 2, 5]) : y.ticks(6);
    const said = known(d.baseline) && d.baseline <= high ? `trivial baseline ${say(d.baseline)}` : "";
    const taken = shown.map((p) => ({ x: x(p.seconds), half: 5, y: y(p.at), tall: 5, cost: 1 }));
    if (said) taken.push({ x: margin.left + wide(said) / 2, half: wide(said) / 2, y: y(d.baseline) - 8, tall: 7, cost: 4 });
    const names = placed(shown.filter((p) => p.marked && !p.off), (p) => x(p.seconds), (p) => y(p.at), [margin.left, width - margin.right, margin.top, height - margin.bottom - 6], taken);
    const tip = (p) => [`${short(p.full, 60)} (${p.era === "blend" ? "ensemble" : p.era}, ${p.year || "–"})`,
      known(p.error) ? `${d.metric} ${say(p.error)}${known(p.low) && known(p.high) ? ` [${say(p.low)}, ${say(p.high)}]` : ""}` : p.fate || "did not finish",
      `${seconds(p.seconds)}, ${p.memory}${p.share ? `, ${percent(p.share)} of the final model` : ""}`].join("\n");

    return plot({
      width, height, marginLeft: margin.left, marginRight: margin.right, marginTop: margin.top, marginBottom: margin.bottom,
      x: { type: "log", domain }, y: { type: log ? "log" : "linear", domain: [low, high] },
      r: { type: "identity" }, symbol: { domain: ERAS, range: ERAS.map((e) => SYMBOL[e]) },
      marks: [
        Plot.gridY(levels, { stroke: LINE, strokeOpacity: 1 }),
        axisY(`validation ${d.metric}${log ? ", log scale" : ""}`, { ticks: [], fill: SOFT, labelAnchor: "top", labelOffset: margin.left }),
        axisX("training time, all folds →", { ticks: [], fill: SOFT }),
        // Written out, since Plot's axes leave out 5 s and 50 s on a log scale.
        Plot.text(levels, { y: (v) => v, frameAnchor: "left", dx: -8, textAnchor: "end", text: tick(d.percent), fill: SOFT }),
        Plot.text(times, { x: (t) => t, frameAnchor: "bottom", dy: 16, text: seconds, fill: SOFT }),
        known(d.budget) && Plot.ruleX([d.budget], { stroke: BAD, strokeDasharray: "2 3", strokeWidth: 1.5 }),
        known(d.budget) && Plot.text([d.budget], { x: (v) => v, frameAnchor: "top", dy: -20, dx: x(d.budget) > width * 0.7 ? width - 2 - x(d.budget) : 0, textAnchor: x(d.budget) > width * 0.7 ? "end" : "middle", text: (v) => `the budget, ${seconds(v)}`, fill: BAD }),
        said && Plot.ruleY([d.baseline], { stroke: INK, strokeDasharray: "4 3" }),
        Plot.line(steps, { x: "seconds", y: "error", curve: "step-after", stroke: INK, strokeWidth: 1.5, strokeOpacity: 0.55 }),
        Plot.link(shown.filter((p) => known(p.low) && known(p.high) && !p.off), { x1: "seconds", x2: "seconds", y1: (p) => Math.max(p.low, low), y2: (p) => Math.min(p.high, high), stroke: (p) => COLOUR[p.era], strokeOpacity: 0.35, strokeWidth: 1.5, clip: true }),
        Plot.dot(shown.filter((p) => !p.off), { x: "seconds", y: "at", symbol: "era", fill: (p) => (p.partial ? "var(--paper)" : COLOUR[p.era]), stroke: (p) => (p.partial ? COLOUR[p.era] : "var(--paper)"), strokeWidth: 1.2, r: (p) => (p.marked ? 6.5 : 4.5) }),
        Plot.dot(failed, { x: "seconds", frameAnchor: "top", dy: 6, symbol: "times", stroke: BAD, strokeWidth: 1.8, r: 4 }),
        Plot.text(shown.filter((p) => p.off), { x: "seconds", frameAnchor: "top", dy: -6, text: () => "↑", fill: (p) => COLOUR[p.era], fontWeight: 700, fontSize: 15 }),
        said && Plot.text([d.baseline], { y: (v) => v, frameAnchor: "left", dy: -8, text: () => said, fill: INK, ...halo }),
        Plot.link(names.filter((p) => Math.abs(p.dy) > 20), { x1: "seconds", x2: (p) => x.invert(x(p.seconds) + p.dx), y1: "at", y2: (p) => y.invert(y(p.at) + p.dy), stroke: (p) => COLOUR[p.era], strokeWidth: 0.75 }),
        ...names.map((p) => Plot.text([p], { x: "seconds", y: "at", dx: p.dx, dy: p.dy, text: "text", fill: COLOUR[p.era], fontWeight: 600, ...halo })),
        Plot.tip([...shown, ...failed.map((p) => ({ ...p, at: high }))], Plot.pointer({ x: "seconds", y: "at", title: tip })),
      ],
    });
  };

  const eras = (d, width) => {
    const say = show(d.percent);
    const ends = d.points.flatMap((p) => [p.low, p.high, p.error]).concat([d.baseline]).filter(known);
    const [low, high] = d3.extent(ends), room = (high - low || high || 1) * 0.08;
    return plot({
      width, height: 52 + 44 * d.points.length, marginLeft: 76, marginRight: 14, marginTop: 24, marginBottom: 28,
      x: { domain: [Math.max(0, low - room), high + room] }, y: { domain: d.points.map((p) => p.era) },
      r: { type: "identity" }, symbol: { domain: ERAS, range: ERAS.map((e) => SYMBOL[e]) },
      marks: [
        ...scaleX(null, width, tick(d.percent)),
        axisY(null, { fontWeight: 600, fill: INK }),
        known(d.baseline) && Plot.ruleX([d.baseline], { stroke: INK, strokeDasharray: "4 3" }),
        known(d.baseline) && Plot.text([d.baseline], { x: (v) => v, frameAnchor: "top", dy: -16, textAnchor: "end", dx: 8, text: (v) => `baseline ${say(v)}`, fill: INK }),
        Plot.link(d.points.filter((p) => known(p.low) && known(p.high)), { x1: "low", x2: "high", y1: "era", y2: "era", stroke: (p) => COLOUR[p.era], strokeWidth: 6, strokeOpacity: 0.35, strokeLinecap: "round" }),
        Plot.dot(d.points, { x: "error", y: "era", symbol: "era", fill: (p) => COLOUR[p.era], stroke: "var(--paper)", r: 6.5 }),
        Plot.text(d.points, { x: "error", y: "era", dy: -14, text: (p) => say(p.error), fill: (p) => COLOUR[p.era], fontWeight: 600, ...halo }),
      ],
    });
  };

  const piece = (title, era, drawing) => {
    const box = document.createElement("div"), name = document.createElement("p");
    box.className = `piece ${era}`;
    name.textContent = title;
    name.title = title;
    name.dir = "auto";
    if (title) box.append(name);
    box.append(drawing);
    return box;
  };

  const grid = (pieces, name) => {
    const box = document.createElement("div");
    box.className = name;
    box.append(...pieces);
    return box;
  };

  const curves = (all, width) => {
    const most = Math.max(1, Math.floor((width + 24) / 182)), lines = Math.ceil(all.length / most);
    const across = Math.max(Math.ceil(all.length / lines), Math.min(most, 3)); // no line with one left over
    const each = Math.floor((width - 24 * (across - 1)) / across);
    const box = grid(all.map((c) => {
      const least = c.points[d3.minIndex(c.points, (p) => p[1])];
      return piece(c.name, c.era, plot({
        width: each, height: 140, marginLeft: 42, marginRight: 10, marginTop: 10, marginBottom: 22,
        y: { nice: true },
        marks: [
          ...scaleY(null, 42, number, 3),
          axisX(null, { ticks: each < 200 ? 2 : 4, tickFormat: number, fill: SOFT }),
          Plot.line(c.points, { x: "0", y: "1", stroke: COLOUR[c.era], strokeWidth: 1.8 }),
          Plot.dot([least], { x: "0", y: "1", r: 4, fill: COLOUR[c.era], stroke: "var(--paper)" }),
          Plot.tip(c.points, Plot.pointerX({ x: "0", y: "1", title: (p) => `step ${number(p[0])}\n${number(p[1])}` })),
        ],
      }));
    }), "pieces");
    box.style.gridTemplateColumns = `repeat(${across}, minmax(0, 1fr))`;
    return box;
  };

  const confusion = (d, width) => {
    const n = d.labels.length, names = d.labels.map((l) => middle(l, width < 500 ? 12 : 20));
    const longest = Math.min(170, Math.max(34, ...names.map((l) => wide(l, n > 15 ? 10 : 12))) + 10);
    const size = Math.min(72, (width - longest - 8 - 18) / n);
    const flat = names.every((l) => wide(l) < size - 4);
    const font = Math.max(8, Math.min(12, size * 0.9));
    const top = flat ? 42 : longest + 26;
    const cells = d.counts.flatMap((row, i) => {
      const sum = d3.sum(row);
      return row.map((count, j) => ({ i, j, count, share: sum ? count / sum : 0, right: i === j }));
    });
    const digits = Math.max(...cells.map((c) => String(c.count).length));
    const room = Math.min(12, (size - 3) / (digits * 0.6));
    return plot({
      width: longest + 18 + n * size + 8, height: top + n * size + 6,
      marginLeft: longest + 18, marginRight: 8, marginTop: top, marginBottom: 6,
      x: { domain: d3.range(n), padding: 0.06 }, y: { domain: d3.range(n), padding: 0.06 },
      marks: [
        Plot.axisX({ anchor: "top", label: null, tickSize: 0, tickFormat: (i) => names[i], tickRotate: flat ? 0 : -90, fontSize: font, fill: INK }),
        Plot.axisY({ label: null, tickSize: 0, tickFormat: (i) => names[i], fontSize: font, fill: INK }),
        Plot.text(["said"], { frameAnchor: "top-left", dy: -top + 8, text: (t) => `${t} →`, fill: SOFT }),
        Plot.text(["true"], { frameAnchor: "top-left", dx: -longest - 10, dy: -14, text: (t) => `${t} ↓`, fill: SOFT, textAnchor: "start" }),
        Plot.cell(cells, { x: "j", y: "i", fill: LINE, fillOpacity: 0.35 }),
        Plot.cell(cells.filter((c) => c.count), { x: "j", y: "i", fill: (c) => (c.right ? ACCENT : BAD), fillOpacity: (c) => 0.1 + 0.9 * c.share }),
        room >= 7 && Plot.text(cells.filter((c) => c.count), { x: "j", y: "i", text: (c) => c.count.toLocaleString("en"), fontSize: room, fill: (c) => (c.share > 0.5 ? "var(--paper)" : INK) }),
        Plot.tip(cells, Plot.pointer({ x: "j", y: "i", title: (c) => `${d.labels[c.i]}, said ${d.labels[c.j]}\n${c.count.toLocaleString("en")} rows, ${percent(c.share)} of that class` })),
      ],
    });
  };

  // A square from 0 to 1, with the diagonal, on which calibration and ROC stand.
  const square = (width, labels, marks, low = 0) => {
    const side = Math.min(width, 400);
    return plot({
      width: side, height: side, marginLeft: 48, marginRight: 20, marginTop: 28, marginBottom: 44,
      x: { domain: [low, 1] }, y: { domain: [low, 1] },
      marks: [
        ...scaleX(labels[0], side, percent, 5), ...scaleY(labels[1], 48, percent, 5),
        Plot.link([0], { x1: low, y1: low, x2: 1, y2: 1, stroke: INK, strokeDasharray: "4 3", strokeOpacity: 0.6 }),
        ...marks,
      ],
    });
  };

  const calibration = (d, width) => {
    const least = d3.min(d.bins, (b) => Math.min(b.predicted, b.observed, known(b.low) ? b.low : 1));
    const low = Math.max(0, Math.floor(least * 10 - 0.5) / 10);
    return square(width, ["it was so sure →", "it was right"], [
      Plot.link(d.bins.filter((b) => known(b.low) && known(b.high)), { x1: "predicted", x2: "predicted", y1: "low", y2: "high", stroke: ACCENT, strokeWidth: 2, strokeOpacity: 0.5 }),
      Plot.dot(d.bins, { x: "predicted", y: "observed", r: 5, fill: ACCENT, stroke: "var(--paper)" }),
      Plot.tip(d.bins, Plot.pointer({ x: "predicted", y: "observed", title: (b) => `so sure: ${percent(b.predicted)}\nright: ${percent(b.observed)}\n${known(b.rows) ? b.rows : "?"} rows` })),
    ], low);
  };

  const roc = (d, width) => {
    const colours = [ACCENT, "var(--classical)", "var(--modern)", "var(--blend)", BAD, SOFT];
    const points = d.curves.map((c) => c.fpr.map((x, i) => ({ x, y: c.tpr[i], label: c.label })));
    return square(width, ["false alarms →", "found"], [
      ...points.map((p, i) => Plot.line(p, { x: "x", y: "y", stroke: colours[i], strokeWidth: 2 })),
      ...points.map((p, i) => d.curves.length > 1 && Plot.text([d.curves[i].label], { frameAnchor: "bottom-right", dx: -6, dy: -8 - 16 * (d.curves.length - 1 - i), text: (t) => short(t), fill: colours[i], fontWeight: 600, ...halo })),
      Plot.tip(points.flat(), Plot.pointer({ x: "x", y: "y", title: (p) => `${short(p.label)}\nfound ${percent(p.y)}\nat ${percent(p.x)} false alarms` })),
    ]);
  };

  const residuals = (d, width) => {
    const rows = d.predicted.map((p, i) => ({ said: p, true: d.actual[i], gap: d.actual[i] - p }));
    const unit = d.unit ? `, ${d.unit}` : "";
    const [low, high] = d3.extent(rows.flatMap((r) => [r.said, r.true]));
    const pair = width >= 680, each = pair ? Math.floor((width - 32) / 2) : width;
    const height = Math.min(each, 400), left = 56;
    const against = plot({
      width: each, height, marginLeft: left, marginRight: 12, marginTop: 28, marginBottom: 44,
      x: { domain: [low, high], nice: true }, y: { domain: [low, high], nice: true },
      marks: [
        ...scaleX(`said${unit} →`, each, number, 5), ...scaleY(`true${unit}`, left, number, 5),
        Plot.dot(rows, { x: "said", y: "true", r: rows.length > 500 ? 2 : 3, fill: ACCENT, fillOpacity: rows.length > 500 ? 0.45 : 0.65 }),
        Plot.link([0], { x1: low, y1: low, x2: high, y2: high, stroke: INK, strokeDasharray: "4 3" }),
        Plot.tip(rows, Plot.pointer({ x: "said", y: "true", title: (r) => `said ${number(r.said)}\ntrue ${number(r.true)}` })),
      ],
    });
    const gaps = rows.map((r) => r.gap).sort(d3.ascending);
    const reach = Math.max(Math.abs(d3.quantileSorted(gaps, 0.01)), Math.abs(d3.quantileSorted(gaps, 0.99))) || 1;
    const spread = plot({
      width: each, height: pair ? height : 220, marginLeft: left, marginRight: 12, marginTop: 28, marginBottom: 44,
      x: { domain: [-reach, reach] },
      marks: [
        ...scaleY("rows", left, number, 4),
        axisX(`true − said${unit} →`, { ticks: 5, tickFormat: number, fill: SOFT }),
        Plot.rectY(gaps.filter((g) => Math.abs(g) <= reach), Plot.binX({ y: "count" }, { x: (g) => g, thresholds: 40, domain: [-reach, reach], fill: ACCENT, fillOpacity: 0.7, inset: 0.5 })),
        Plot.ruleX([0], { stroke: INK, strokeDasharray: "4 3" }), Plot.ruleY([0], { stroke: SOFT }),
      ],
    });
    return grid([against, spread].map((drawing) => piece("", "", drawing)), "pair");
  };

  const importance = (d, width) => {
    const say = show(d.percent), most = width < 500 ? 16 : 30;
    const items = d.items.map((item, i) => ({ ...item, i }));
    const left = Math.min(width * 0.45, Math.max(...items.map((item) => wide(middle(item.name, most)))) + 14);
    return plot({
      width, height: 50 + 24 * items.length, marginLeft: left, marginRight: 44, marginTop: 6, marginBottom: 44,
      x: { domain: [Math.min(0, d3.min(items, (v) => known(v.low) ? v.low : v.value)), Math.max(1e-9, d3.max(items, (v) => known(v.high) ? v.high : v.value))] },
      y: { domain: items.map((v) => v.i), padding: 0.3 },
      marks: [
        ...scaleX(`${d.metric} ${d.verb ?? "rises by"} →`, width, tick(d.percent)),
        Plot.axisY({ label: null, tickSize: 0, tickFormat: (i) => middle(items[i].name, most), fill: INK }),
        Plot.barX(items, { x: "value", y: "i", fill: ACCENT, fillOpacity: 0.7 }),
        Plot.link(items.filter((v) => known(v.low) && known(v.high)), { x1: "low", x2: "high", y1: "i", y2: "i", stroke: INK, strokeWidth: 1.5 }),
        Plot.ruleX([0], { stroke: SOFT }),
        Plot.tip(items, Plot.pointerY({ x: "value", y: "i", title: (v) => `${v.name}\n${say(v.value)}` })),
      ],
    });
  };

  const histogram = (d, width) => {
    const bars = d.counts.map((count, i) => ({ from: d.edges[i], to: d.edges[i + 1], count }));
    return plot({
      width, height: 240, marginLeft: 52, marginRight: 12, marginTop: 28, marginBottom: 44,
      marks: [
        ...scaleY("rows", 52, number, 4),
        axisX(d.unit ? `${d.unit} →` : null, { ticks: Math.max(3, width / 110), tickFormat: number, fill: SOFT }),
        Plot.rect(bars, { x1: "from", x2: "to", y1: 0, y2: "count", fill: ACCENT, fillOpacity: 0.7, inset: 0.5 }),
        Plot.ruleY([0], { stroke: SOFT }),
      ],
    });
  };

  const kit = { plot, short, middle, number, percent, wide, known, halo, COLOUR, SOFT, INK, LINE, BAD, ACCENT, scaleX, scaleY, grid, piece };
  const DRAW = { headline, ladder, eras, curves, confusion, calibration, residuals, importance, roc, histogram };
  const charts = JSON.parse(document.getElementById("charts").textContent);

  const draw = (place, chart) => {
    const width = Math.floor(place.clientWidth);
    if (!width || place.dataset.width === String(width)) return;
    place.dataset.width = String(width);
    try {
      place.replaceChildren((DRAW[chart.draw] ?? MORE_CHARTS[chart.draw])(chart.data, width, kit));
    } catch (error) {
      const words = document.createElement("p");
      words.className = "failure";
      words.textContent = "This chart could not be drawn; its numbers are in the table.";
      place.replaceChildren(words);
      console.error(chart.draw, error);
    }
  };

  for (const [id, chart] of Object.entries(charts)) {
    const place = document.getElementById(id);
    if (!place) continue;
    draw(place, chart);
    new ResizeObserver(() => draw(place, chart)).observe(place);
  }
})();
