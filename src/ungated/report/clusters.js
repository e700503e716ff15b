// Charts of clusters: their map, what sets each apart, and labels beside them. `kit` is what all charts share.
"use strict";
Object.assign(MORE_CHARTS, (() => {
  // Groups go by colour and shape together; those beyond the colours begin anew with other shapes.
  const GROUPS = ["var(--accent)", "var(--classical)", "var(--modern)", "var(--blend)", "var(--bad)", "var(--soft)"];
  const SHAPES = ["circle", "square", "triangle", "diamond", "star", "wye", "cross"];
  const hue = (i) => GROUPS[i % GROUPS.length];
  const shape = (i) => SHAPES[(i + Math.floor(i / GROUPS.length)) % SHAPES.length];

  const clusters = (d, width, kit) => {
    const { plot, scaleX, scaleY, short, number, halo, INK, SOFT } = kit;
    const none = d.groups.findIndex((g) => g.name === "none");
    const at = (g) => (none < 0 || g < none ? g : g - 1); // rows in no cluster have no colour of their own
    const rows = d.points.map(([x, y, g], i) => ({ x, y, g, in: d.groups[g].name, label: d.labels[i] }));
    const inside = rows.filter((r) => r.g !== none);
    const amid = d3.groups(inside, (r) => r.g).map(([g, all]) => ({ g, x: d3.median(all, (r) => r.x), y: d3.median(all, (r) => r.y) }));
    const few = rows.length < 500, left = 56;
    return plot({
      width, height: Math.max(300, Math.min(0.62 * width, 520)), marginLeft: left, marginRight: 16, marginTop: 28, marginBottom: 44,
      x: { nice: true }, y: { nice: true },
      marks: [
        ...scaleX(d.x ? `${short(d.x, Math.floor(width / 9))} →` : null, width, number), ...scaleY(d.y ? short(d.y, Math.floor(width / 9)) : null, left, number, 5),
        none >= 0 && Plot.dot(rows.filter((r) => r.g === none), { x: "x", y: "y", r: 1.5, fill: SOFT, fillOpacity: 0.7 }),
        ...d.groups.map((_, g) => g !== none && Plot.dot(rows.filter((r) => r.g === g), { x: "x", y: "y", r: few ? 3.5 : 2.5, symbol: shape(at(g)), fill: hue(at(g)), fillOpacity: few ? 0.75 : 0.6 })),
        Plot.text(amid, { x: "x", y: "y", text: (m) => d.groups[m.g].name, fontSize: 17, fontWeight: 700, fill: INK, ...halo }),
        Plot.tip(rows, Plot.pointer({ x: "x", y: "y", title: (r) => `${r.in === "none" ? "in no cluster" : `cluster ${r.in}`}${r.label ? `\n${r.label.replaceAll(", ", "\n")}` : ""}` })),
      ],
    });
  };

  const groups = (d, width, kit) => {
    const { plot, grid, piece, short, halo, INK, SOFT } = kit;
    const pair = width >= 680, each = pair ? Math.floor((width - 32) / 2) : width;
    const reach = d3.max(d.groups.flatMap((g) => g.apart.map((t) => Math.abs(t.effect)))) || 1;
    return grid(d.groups.map((g, i) => {
      const most = Math.floor(each / 7.5);
      const drawing = plot({
        width: each, height: 20 + 40 * Math.max(1, g.apart.length), marginLeft: 8, marginRight: 8, marginTop: 14, marginBottom: 8,
        x: { domain: [-reach, reach], axis: null }, y: { domain: d3.range(Math.max(1, g.apart.length)), axis: null, paddingInner: 0.68, paddingOuter: 0.1, align: 1 },
        marks: [
          Plot.ruleX([0], { stroke: SOFT }),
          Plot.barX(g.apart, { x: "effect", y: (_, k) => k, fill: hue(i), fillOpacity: 0.8 }),
          Plot.text(g.apart, { y: (_, k) => k, frameAnchor: "left", dy: -16, text: (t) => short(`${t.column} ${t.here}${t.others ? ` (others ${t.others})` : ""}`, most), fill: INK, ...halo }),
          !g.apart.length && Plot.text(["no column that sets it apart"], { frameAnchor: "left", fill: SOFT }),
        ],
      });
      return piece(`Cluster ${g.name}: ${g.rows} rows, ${g.share}`, "", drawing);
    }), pair ? "pair" : "");
  };

  const crossed = (d, width, kit) => {
    const { plot, short, wide, percent, INK, LINE, ACCENT } = kit;
    const left = Math.min(0.4 * width, Math.max(...d.labels.map((n) => wide(short(n, 24)))) + 14);
    const size = Math.max(14, Math.min(56, (width - left - 12) / d.groups.length));
    const cells = d.counts.flatMap((row, i) => row.map((count, j) => ({ i, j, count, share: d3.sum(row) ? count / d3.sum(row) : 0 })));
    const tall = Math.max(20, Math.min(size, 34)), room = Math.min(12, (size - 4) / (Math.max(...cells.map((c) => String(c.count).length)) * 0.6));
    return plot({
      width: left + size * d.groups.length + 12, height: 44 + tall * d.labels.length, marginLeft: left, marginRight: 12, marginTop: 36, marginBottom: 8,
      x: { domain: d3.range(d.groups.length), padding: 0.06 }, y: { domain: d3.range(d.labels.length), padding: 0.06 },
      marks: [
        Plot.axisX({ anchor: "top", label: "cluster →", labelAnchor: "left", labelArrow: false, tickSize: 0, tickFormat: (j) => d.groups[j], fill: INK }),
        Plot.axisY({ label: null, tickSize: 0, tickFormat: (i) => short(d.labels[i], 24), fill: INK }),
        Plot.cell(cells, { x: "j", y: "i", fill: LINE, fillOpacity: 0.35 }),
        Plot.cell(cells.filter((c) => c.count), { x: "j", y: "i", fill: ACCENT, fillOpacity: (c) => 0.1 + 0.9 * c.share }),
        room >= 7 && Plot.text(cells.filter((c) => c.count), { x: "j", y: "i", text: (c) => c.count.toLocaleString("en"), fontSize: room, fill: (c) => (c.share > 0.5 ? "var(--paper)" : INK) }),
        Plot.tip(cells, Plot.pointer({ x: "j", y: "i", title: (c) => `${d.labels[c.i]}, cluster ${d.groups[c.j]}\n${c.count.toLocaleString("en")} rows, ${percent(c.share)} of that label` })),
      ],
    });
  };

  return { clusters, groups, crossed };
})());
