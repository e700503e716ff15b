// Rules as a graph: items are words, and arrows lead from what a basket has to what it then has too.
"use strict";
const MORE_CHARTS = {};
MORE_CHARTS.rules = (d, width, kit) => {
  const { middle, percent, number, wide, SOFT, INK, ACCENT, halo } = kit;
  const height = Math.round(Math.min(620, Math.max(380, width * 0.62)));
  const most = width < 500 ? 14 : 24, pad = 10;
  const items = new Map(), joints = [], links = [];
  const item = (name) => {
    if (!items.has(name)) items.set(name, { id: name, text: middle(name, most), half: wide(middle(name, most), 13) / 2 + 5, share: d.share[name] });
    return items.get(name);
  };
  d.rules.forEach((rule, i) => {
    const to = item(rule.then), from = rule.before.map(item);
    if (from.length === 1) return links.push({ source: from[0], target: to, rule, ends: true });
    const joint = { id: `joint ${i}`, joint: true, half: 5, rule };
    joints.push(joint);
    for (const one of from) links.push({ source: one, target: joint, rule, ends: false });
    links.push({ source: joint, target: to, rule, ends: true });
  });
  const nodes = [...items.values(), ...joints];
  nodes.forEach((node, i) => { // a start that is the same each time
    const turn = i * 2.399963;
    node.x = width / 2 + Math.sqrt(i + 1) * 22 * Math.cos(turn);
    node.y = height / 2 + Math.sqrt(i + 1) * 15 * Math.sin(turn);
  });
  const inside = () => {
    for (const node of nodes) {
      node.x = Math.min(width - pad - node.half, Math.max(pad + node.half, node.x));
      node.y = Math.min(height - 16, Math.max(16, node.y));
    }
  };
  const apart = () => { // words are wide and low: keep their boxes from lying upon another
    for (let i = 0; i < nodes.length; i++) for (let j = i + 1; j < nodes.length; j++) {
      const a = nodes[i], b = nodes[j], dx = b.x - a.x, dy = b.y - a.y;
      const over = a.half + b.half + 6 - Math.abs(dx), under = (a.joint || b.joint ? 17 : 24) - Math.abs(dy);
      if (over <= 0 || under <= 0) continue;
      if (under < over) { const step = (under / 2) * (dy < 0 ? -1 : 1) * 0.8; a.y -= step; b.y += step; }
      else { const step = (over / 2) * (dx < 0 ? -1 : 1) * 0.8; a.x -= step; b.x += step; }
    }
    inside();
  };
  d3.forceSimulation(nodes).randomSource(d3.randomLcg(0.5))
    .force("link", d3.forceLink(links).distance((l) => (l.source.joint || l.target.joint ? 46 : 90)).strength(0.5))
    .force("charge", d3.forceManyBody().strength((n) => (n.joint ? -60 : -260)))
    .force("x", d3.forceX(width / 2).strength(0.04)).force("y", d3.forceY(height / 2).strength(0.09))
    .force("apart", apart).stop().tick(400);
  for (let i = 0; i < 60; i++) apart();
  const [top, bottom] = d3.extent(nodes, (n) => n.y), tall = bottom - top + 48; // no more than it needs

  const svg = d3.create("svg").attr("viewBox", [0, top - 24, width, tall]).attr("width", width).attr("height", tall)
    .attr("role", "img").attr("aria-label", "Rules as a graph; the table below holds them").style("font", "13px system-ui, sans-serif");
  svg.append("defs").append("marker").attr("id", "arrow-of-rules").attr("viewBox", "0 0 8 8").attr("refX", 7).attr("refY", 4)
    .attr("markerUnits", "userSpaceOnUse").attr("markerWidth", 9).attr("markerHeight", 9).attr("orient", "auto")
    .append("path").attr("d", "M0,0.5L8,4L0,7.5Z").attr("fill", ACCENT);

  const edge = (from, to, gap) => { // where the line from `from` meets the box around `to`
    const dx = from.x - to.x, dy = from.y - to.y;
    const half = to.joint ? 4 : to.half + gap, tall = to.joint ? 4 : 10 + gap;
    const scale = Math.min(half / Math.max(Math.abs(dx), 1e-9), tall / Math.max(Math.abs(dy), 1e-9), 1);
    return [to.x + dx * scale, to.y + dy * scale];
  };
  const thick = (rule) => 0.8 + 3 * rule.confidence;
  const tell = (rule) => `${rule.before.join(" + ")} → ${rule.then}\n${percent(Number(rule.confidence.toPrecision(2)))} sure, ${number(rule.lift)} times as often as in any basket`;
  const curve = (l) => {
    const a = edge(l.target, l.source, 1), b = edge(l.source, l.target, 2);
    const bend = l.ends && !l.source.joint ? 0.12 : 0; // so that there and back are two lines
    const mx = (a[0] + b[0]) / 2 - (b[1] - a[1]) * bend, my = (a[1] + b[1]) / 2 + (b[0] - a[0]) * bend;
    return `M${a}Q${mx},${my} ${b}`;
  };
  const lines = svg.append("g").attr("fill", "none").attr("stroke", ACCENT).selectAll("path").data(links).join("path")
    .attr("d", curve).attr("stroke-opacity", 0.55).attr("stroke-width", (l) => thick(l.rule))
    .attr("marker-end", (l) => (l.ends ? "url(#arrow-of-rules)" : null));
  const touch = svg.append("g").attr("fill", "none").attr("stroke", "transparent").attr("stroke-width", 12).selectAll("path").data(links).join("path").attr("d", curve);
  touch.append("title").text((l) => tell(l.rule));
  svg.append("g").attr("fill", ACCENT).selectAll("circle").data(joints).join("circle").attr("cx", (n) => n.x).attr("cy", (n) => n.y).attr("r", 3.5)
    .append("title").text((n) => tell(n.rule));
  const words = svg.append("g").attr("text-anchor", "middle").attr("fill", INK).selectAll("text").data([...items.values()]).join("text")
    .attr("x", (n) => n.x).attr("y", (n) => n.y).attr("dy", "0.35em").attr("stroke", halo.stroke).attr("stroke-width", halo.strokeWidth)
    .attr("paint-order", halo.paintOrder).attr("font-weight", 600).text((n) => n.text);
  words.append("title").text((n) => (n.share ? `${n.id}\nin ${percent(Number(n.share.toPrecision(2)))} of the baskets` : n.id));

  // Pointing at an item or an arrow leaves what belongs to it.
  const only = (rules) => {
    lines.attr("stroke-opacity", (l) => (!rules ? 0.55 : rules.has(l.rule) ? 0.95 : 0.08));
    words.attr("fill", (n) => (!rules || [...rules].some((r) => r.then === n.id || r.before.includes(n.id)) ? INK : SOFT)).attr("opacity", (n) => (!rules || [...rules].some((r) => r.then === n.id || r.before.includes(n.id)) ? 1 : 0.35));
  };
  words.on("pointerenter", (_, n) => only(new Set(d.rules.filter((r) => r.then === n.id || r.before.includes(n.id))))).on("pointerleave", () => only(null));
  touch.on("pointerenter", (_, l) => only(new Set([l.rule]))).on("pointerleave", () => only(null));
  return svg.node();
};
