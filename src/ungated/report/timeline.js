// Scores in the order of time: rows as points, the mean of stretches of them as a line.
"use strict";
MORE_CHARTS.timeline = (d, width, kit) => {
  const { plot, known, SOFT, INK, LINE, BAD, ACCENT } = kit;
  const rows = d.at.map((at, i) => ({ at: new Date(at), score: d.score[i], odd: known(d.bar) && d.score[i] > d.bar }));
  const day = (text) => new Date(`${text.replace(" ", "T")}Z`);
  const windows = d.windows.map((w) => ({ ...w, at: new Date((+day(w.from) + +day(w.to)) / 2) })).filter((w) => !Number.isNaN(+w.at));
  const say = (date) => date.toISOString().slice(0, 16).replace("T", " ").replace(" 00:00", "");
  return plot({
    width, height: 280, marginLeft: 44, marginRight: 12, marginTop: 14, marginBottom: 34,
    x: { type: "utc" }, y: { domain: [0, 1] },
    marks: [
      Plot.gridY({ ticks: 5, stroke: LINE, strokeOpacity: 1 }),
      Plot.axisY({ ticks: 5, label: null, tickSize: 0, fill: SOFT }),
      Plot.axisX({ ticks: Math.max(3, Math.floor(width / 120)), label: null, tickSize: 0, fill: SOFT }),
      Plot.dot(rows, { x: "at", y: "score", r: (p) => (p.odd ? 3.4 : 1.8), fill: (p) => (p.odd ? BAD : ACCENT), fillOpacity: (p) => (p.odd ? 0.9 : 0.35) }),
      known(d.bar) && Plot.ruleY([d.bar], { stroke: INK, strokeDasharray: "4 3" }),
      Plot.line(windows, { x: "at", y: "mean", stroke: INK, strokeWidth: 2 }),
      Plot.tip(rows, Plot.pointer({ x: "at", y: "score", title: (p) => `${say(p.at)}\nscore ${p.score}` })),
    ],
  });
};
