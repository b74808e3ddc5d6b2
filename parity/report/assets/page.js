"use strict";
(() => {
  const HEIGHT = 210;
  const NAMES = { loss: "loss", grad_norm: "gradient norm" };
  const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const HOW = "Point at it for exact values. Drag to zoom, double-click to reset; on the keyboard ← →, + −, Esc.";
  const every = [];

  const make = (tag, classes, text) => {
    const made = document.createElement(tag);
    if (classes) made.className = classes;
    if (text) made.textContent = text;
    return made;
  };
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const decoded = (value) => (typeof value === "string" ? { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity }[value] : value);
  const isNumber = (value) => value !== null && Number.isFinite(value);

  /** Like `parity.report.wording.number`: nine digits tell any two float32 apart. */
  const number = (value) => {
    if (value === null || value === undefined) return "not recorded";
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
    const size = Math.abs(value);
    const said = size && (size < 1e-4 || size >= 1e9) ? value.toExponential(8).replace(/\.?0+e/, "e") : String(+value.toPrecision(9));
    return said.replace(/-/g, "−");
  };
  const power = (exponent) => "10" + String(exponent).replace(/./g, (each) => SUPERSCRIPT[each]);

  function gapsOf(curve) {
    return curve.steps.map((_, index) => {
      const left = curve.reference[index], right = curve.candidate[index];
      return left === null || right === null ? null : left === right ? 0 : Math.abs(right - left);
    });
  }

  /** The indices whose neighbours are not drawn, which a line would leave out; of few points all. */
  function alone(plot, series, show) {
    const [from, to] = plot.series[0].idxs, values = plot.data[series];
    if (!show) return null;
    const few = (to - from + 1) * 10 < plot.bbox.width / devicePixelRatio, found = [];
    for (let index = from; index <= to; index++) {
      if (values[index] == null) continue;
      if (few || (values[index - 1] == null && values[index + 1] == null)) found.push(index);
    }
    return found;
  }

  const line = (colour, width, dash) => ({
    stroke: () => ink(colour), width, dash, spanGaps: false,
    points: { show: true, size: Math.max(4, width + 1), fill: () => ink(colour), filter: alone },
  });

  const axis = (more) => ({
    stroke: () => ink("--muted"), font: "12px system-ui, sans-serif", size: 34,
    grid: { stroke: () => ink("--rule"), width: 1 }, ticks: { stroke: () => ink("--rule"), width: 1, size: 4 }, ...more,
  });

  /** The first divergence as an upright line, and × where there is no number. */
  function annotate(cell, missing) {
    return (plot) => {
      const { ctx, bbox } = plot, ratio = devicePixelRatio;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top - 14 * ratio, bbox.width, bbox.height + 14 * ratio);
      ctx.clip();
      ctx.font = `${11 * ratio}px system-ui, sans-serif`;
      if (cell.step !== null && cell.step >= plot.scales.x.min && cell.step <= plot.scales.x.max) {
        const x = plot.valToPos(cell.step, "x", true), said = cell.called;
        ctx.strokeStyle = ctx.fillStyle = ink("--odd");
        ctx.lineWidth = 1.5 * ratio;
        ctx.setLineDash([2 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        const fits = x + ctx.measureText(said).width + 6 * ratio < bbox.left + bbox.width;
        ctx.textAlign = fits ? "left" : "right";
        ctx.fillText(said, x, bbox.top - 4 * ratio);
      }
      ctx.setLineDash([]);
      ctx.textAlign = "center";
      ctx.font = `bold ${13 * ratio}px system-ui, sans-serif`;
      missing.forEach(([step, colour, row]) => {
        if (step < plot.scales.x.min || step > plot.scales.x.max) return;
        ctx.fillStyle = ink(colour);
        ctx.fillText("×", plot.valToPos(step, "x", true), bbox.top + bbox.height - (4 + 12 * row) * ratio);
      });
      ctx.restore();
    };
  }

  function level(plot, y, said) {
    const { ctx, bbox } = plot, ratio = devicePixelRatio, at = plot.valToPos(y, "y", true);
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = ink("--doubt");
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([8 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, at);
    ctx.lineTo(bbox.left + bbox.width, at);
    ctx.stroke();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "right";
    ctx.fillText(said, bbox.left + bbox.width, at - 7 * ratio);
    ctx.restore();
  }

  function draw(figure, cell, group, spec) {
    const host = figure.appendChild(make("div", "plot")), readout = figure.appendChild(make("p", "readout", ""));
    host.tabIndex = 0;
    host.setAttribute("role", "img");
    host.setAttribute("aria-label", `${spec.title}. ${spec.said}. ${HOW}`);
    const xs = cell.step === 0 && spec.xs[0] > 0 ? [0, ...spec.xs] : spec.xs, added = xs.length - spec.xs.length;
    const padded = (values) => (added ? [null, ...values] : values);
    const plot = new uPlot({
      width: host.clientWidth, height: HEIGHT, padding: [18, 26, 0, 0], legend: { show: false },
      cursor: {
        drag: { x: true, y: false, setScale: true }, sync: { key: group.key, scales: ["x", null] }, y: false,
        points: { size: 7, fill: (u, series) => u.series[series].stroke(), width: 0 },
      },
      scales: { x: { time: false }, y: { range: spec.range } },
      axes: [axis({ incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6], values: (u, at) => at.map((each) => each.toLocaleString("en")) }), axis({ size: 62, splits: spec.splits, values: spec.labels })],
      series: [{}, ...spec.lines],
      hooks: {
        drawClear: spec.under ? [spec.under] : [],
        draw: [annotate(cell, spec.missing)],
        setCursor: [(u) => {
          const index = u.cursor.idx;
          readout.textContent = index == null || index < added ? spec.rest : spec.read(index - added);
        }],
        setScale: [(u, key) => {
          if (key !== "x") return;
          const { min, max } = u.scales.x;
          host.dataset.from = min;
          host.dataset.to = max;
          if (group.busy) return;
          group.busy = true;
          group.plots.forEach((other) => other !== u && other.setScale("x", { min, max }));
          group.busy = false;
        }],
      },
    }, [xs, ...spec.values.map(padded)], host);
    readout.textContent = spec.rest;
    group.plots.push(plot);
    every.push(plot);
    host.addEventListener("keydown", (event) => steer(event, plot, xs, group));
    new ResizeObserver(() => host.clientWidth && host.clientWidth !== plot.width && plot.setSize({ width: host.clientWidth, height: HEIGHT })).observe(host);
  }

  function steer(event, plot, xs, group) {
    const { min, max } = plot.scales.x, last = xs.length - 1, at = plot.cursor.idx;
    const stride = event.shiftKey ? Math.ceil(xs.length / 20) : 1;
    const to = { ArrowLeft: (at ?? 1) - stride, ArrowRight: (at ?? -1) + stride, Home: 0, End: last }[event.key];
    const factor = { "+": 0.5, "=": 0.5, "-": 2 }[event.key];
    if (to !== undefined) {
      const step = xs[Math.max(0, Math.min(last, to))];
      if (step < min || step > max) plot.setScale("x", { min: step - (max - min) / 2, max: step + (max - min) / 2 });
      group.plots.forEach((each) => each.setCursor({ left: each.valToPos(step, "x"), top: 10 }));
    } else if (factor) {
      const middle = at == null ? (min + max) / 2 : xs[at], half = ((max - min) * factor) / 2;
      plot.setScale("x", { min: Math.max(xs[0], middle - half), max: Math.min(xs[last], middle + half) });
    } else if (event.key === "Escape") {
      plot.setScale("x", { min: xs[0], max: xs[last] });
    } else return;
    event.preventDefault();
  }

  const rounded = (u, low, high) => {
    if (low === null || low === undefined || !Number.isFinite(low)) return [0, 1];
    const room = (high - low || Math.abs(high) || 1) * 0.08;
    return [low - room, high + room];
  };

  const kept = (values) => values.map((value) => (isNumber(value) ? value : null));
  const holes = (curve, arm, colour, row) => curve.steps.flatMap((step, index) => (isNumber(curve[arm][index]) ? [] : [[step, colour, row]]));
  const noNumber = (count) => (count ? ` × marks ${count} without a number.` : "");

  function both(figure, cell, group, name, curve) {
    const caption = figure.appendChild(make("figcaption", "", NAMES[name] ?? name)), key = caption.appendChild(make("span", "key"));
    ["reference", "candidate"].forEach((arm) => {
      key.append(make("i", arm), arm);
    });
    const missing = [...holes(curve, "reference", "--reference", 1), ...holes(curve, "candidate", "--candidate", 0)];
    draw(figure, cell, group, {
      title: `${NAMES[name] ?? name} of both arms`, said: `${curve.steps.length} steps`, rest: noNumber(missing.length).trim(),
      xs: curve.steps, values: [kept(curve.reference), kept(curve.candidate)], missing, range: rounded,
      lines: curve.steps.length > 1000 ? [line("--reference-wide", 4), line("--candidate", 1)] : [line("--reference-wide", 5), line("--candidate", 1.5, [6, 3])],
      read: (index) => `step ${curve.steps[index].toLocaleString("en")}: reference ${number(curve.reference[index])}, candidate ${number(curve.candidate[index])}`,
    });
  }

  /** |Δ| by its power of ten; zeros have no power, and a row of their own below. */
  function gap(figure, cell, group, name, curve) {
    const gaps = gapsOf(curve), title = `|Δ ${NAMES[name] ?? name}|`, sizes = gaps.filter((each) => each > 0 && Number.isFinite(each));
    const floor = cell.floor[name] ?? 0;
    const caption = figure.appendChild(make("figcaption", "", title));
    const zeros = gaps.filter((each) => each === 0).length;
    if (zeros === gaps.length) {
      figure.appendChild(make("p", "all-zero", "0 at every step."));
      return;
    }
    caption.appendChild(make("span", "key muted", "log scale; zeros in a row of their own"));
    const logs = [...sizes, ...(floor > 0 ? [floor] : [])].map(Math.log10), lowest = Math.floor(logs.reduce((a, b) => Math.min(a, b), logs[0] ?? 0));
    const highest = Math.max(lowest + 1, Math.ceil(logs.reduce((a, b) => Math.max(a, b), logs[0] ?? 0)));
    const room = (highest - lowest) * 0.16, zero = lowest - room, stride = Math.ceil((highest - lowest) / 5);
    const missing = gaps.flatMap((each, index) => (isNumber(each) ? [] : [[curve.steps[index], "--odd", 0]]));
    const splits = [zero];
    for (let exponent = lowest; exponent <= highest; exponent += stride) splits.push(exponent);
    draw(figure, cell, group, {
      title: `${title}, log scale`, said: `${zeros} of ${gaps.length} are zero`,
      rest: `${zeros.toLocaleString("en")} of ${gaps.length.toLocaleString("en")} drawn are 0.${noNumber(missing.length)}`,
      xs: curve.steps, missing, range: () => [zero - room / 2, highest + room / 4],
      values: [gaps.map((each) => (each > 0 && Number.isFinite(each) ? Math.log10(each) : null)), gaps.map((each) => (each === 0 ? zero : null))],
      lines: [
        line("--candidate", gaps.length > 1000 ? 1 : 1.5),
        { stroke: () => ink("--met"), width: 0, points: { show: true, size: 5, width: 1.5, fill: () => ink("--paper"), filter: (u, series) => u.data[series].flatMap((each, index) => (each == null ? [] : [index])) }, paths: () => null },
      ],
      splits: () => splits, labels: (u, at) => at.map((each) => (each === zero ? "0" : power(each))),
      under: (u) => {
        const top = u.valToPos(zero + room / 2, "y", true);
        u.ctx.fillStyle = ink("--raised");
        u.ctx.fillRect(u.bbox.left, top, u.bbox.width, u.bbox.top + u.bbox.height - top);
        if (floor > 0) level(u, Math.log10(floor), "noise floor");
      },
      read: (index) => `step ${curve.steps[index].toLocaleString("en")}: ${gaps[index] === null ? "not recorded in one arm" : number(gaps[index])}`,
    });
  }

  function drawAll(host) {
    const cell = JSON.parse(host.querySelector("script").textContent);
    const group = { key: host.closest("details").id, plots: [], busy: false };
    const curves = Object.entries(cell.curves).map(([name, curve]) => {
      const reference = curve.reference.map(decoded);
      return [name, { steps: curve.steps, reference, candidate: curve.candidate === null ? reference : curve.candidate.map(decoded) }];
    });
    const drawn = Math.max(...curves.map(([, curve]) => curve.steps.length));
    const some = drawn < cell.recorded ? ` ${drawn.toLocaleString("en")} of ${cell.recorded.toLocaleString("en")} steps are drawn, with the greatest gap and the highest and lowest value of every stretch.` : "";
    host.appendChild(make("p", "", HOW + some));
    curves.forEach(([name, curve]) => {
      const pair = host.appendChild(make("div", "pair"));
      [both, gap].forEach((kind) => kind(pair.appendChild(make("figure", "chart")), cell, group, name, curve));
    });
    host.dataset.drawn = group.plots.length;
  }

  document.getElementById("no-script").remove();
  const watch = new IntersectionObserver((seen) => seen.filter((each) => each.isIntersecting).forEach((each) => {
    watch.unobserve(each.target);
    drawAll(each.target);
  }), { rootMargin: "200px" });
  const waiting = [...document.querySelectorAll(".curves")];
  waiting.forEach((host) => watch.observe(host));

  const redraw = () => every.forEach((plot) => plot.redraw(false, true));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("print").addEventListener("change", redraw);
  addEventListener("beforeprint", () => waiting.filter((host) => !host.dataset.drawn && host.offsetParent).forEach((host) => {
    watch.unobserve(host);
    drawAll(host);
  }));

  /** A link into a folded section unfolds it. */
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
