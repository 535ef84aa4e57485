"use strict";
// The page's own script: unpacks the run, draws what the zoom shows, and keeps the charts fast by never giving the
// plotting library more than a screen can show. Candles are folded into longer ones, lines into their extremes.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const ARRAYS = { i1: Int8Array, i4: Int32Array, f4: Float32Array, f8: Float64Array };
  const NO_TICK = -2147483648;
  const COLOURS = { up: "#2a9d7c", down: "#d1495b", ink: "#1c2733", grid: "#e7ebef", long: "#1668b8", short: "#7b2fa0",
    stop: "#c0392b", equity: "#1668b8", fall: "#d1495b" };
  const STEPS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 288, 384, 576, 768, 960, 1344, 1920, 2880];
  const MARK_BUCKET = 3;   // longest candle, in bars, at which every swing failure is still marked
  const MOST_TRADES = 300; // drawn; with more, entries and exits become a cloud that hides the prices

  function unpack(packed) {
    const text = atob(packed.data);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return new ARRAYS[packed.dtype](bytes.buffer);
  }
  const chart = data.chart;
  const series = {};
  for (const name of Object.keys(chart.packed)) series[name] = unpack(chart.packed[name]);
  const marks = { bar: unpack(chart.marks.bar), kind: unpack(chart.marks.kind) };
  const trades = { by: chart.trades.by, signal: chart.trades.signal };
  for (const name of ["entry", "exit", "side", "in", "out", "net", "r", "qty"]) trades[name] = unpack(chart.trades[name]);
  const bars = series.open.length;
  const price = (ticks) => ticks * chart.tick;
  const timeOf = (bar) => chart.first_ms + 1000 * series.seconds[bar];
  const endOf = (bar) => timeOf(bar) + chart.bar_ms;
  const stamp = (ms) => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
  const shown = (value) => price(value).toFixed(chart.decimals);
  const amount = (value, digits = 2) => (value >= 0 ? "+" : "\u2212") + Math.abs(value).toFixed(digits);

  // Number of bars that open before a time.
  function place(ms) {
    let low = 0, high = bars;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (timeOf(mid) < ms) low = mid + 1; else high = mid;
    }
    return low;
  }

  function bucketFor(count, width) {
    const wanted = count / Math.max(width / 5, 60);
    for (const step of STEPS) if (step >= wanted) return step;
    return Math.ceil(wanted);
  }

  function candles(first, last, bucket) {
    const x = [], open = [], high = [], low = [], close = [], text = [];
    for (let start = first - (first % bucket); start < last; start += bucket) {
      const end = Math.min(start + bucket, bars);
      let top = series.high[start], bottom = series.low[start];
      for (let i = start + 1; i < end; i++) {
        if (series.high[i] > top) top = series.high[i];
        if (series.low[i] < bottom) bottom = series.low[i];
      }
      x.push((timeOf(start) + endOf(end - 1)) / 2);
      open.push(price(series.open[start]));
      high.push(price(top));
      low.push(price(bottom));
      close.push(price(series.close[end - 1]));
      text.push(stamp(timeOf(start)) + (bucket > 1 ? " \u2013 " + stamp(endOf(end - 1)) : ""));
    }
    return { x, open, high, low, close, text };
  }

  // Lowest and highest value of each stretch, in the order they came: a thinned line keeps its spikes.
  function extremes(values, first, last, most) {
    const x = [], y = [];
    const step = Math.max(1, Math.ceil((2 * (last - first)) / most));
    for (let start = first; start < last; start += step) {
      const end = Math.min(start + step, last);
      let low = start, high = start;
      for (let i = start + 1; i < end; i++) {
        if (values[i] < values[low]) low = i;
        if (values[i] > values[high]) high = i;
      }
      for (const i of low === high ? [low] : [Math.min(low, high), Math.max(low, high)]) {
        x.push(endOf(i));
        y.push(values[i]);
      }
    }
    return { x, y };
  }

  // The stop in force after a bar holds over the next one: a stair, broken where there is none.
  function stops(first, last) {
    const x = [], y = [];
    if (!series.stop) return { x, y };
    for (let i = Math.max(first - 1, 0); i < last; i++) {
      if (series.stop[i] === NO_TICK) {
        if (y.length && y[y.length - 1] !== null) { x.push(endOf(i)); y.push(null); }
      } else {
        x.push(endOf(i), endOf(i) + chart.bar_ms);
        y.push(price(series.stop[i]), price(series.stop[i]));
      }
    }
    return { x, y };
  }

  const atClose = data.fills_at_close;
  const entryTime = (k) => (atClose ? endOf(trades.entry[k]) : timeOf(trades.entry[k]));
  const exitTime = (k) => (timeOf(trades.exit[k]) + endOf(trades.exit[k])) / 2;

  function tradesIn(first, last) {
    const found = [];
    for (let k = 0; k < trades.entry.length; k++) {
      const exit = trades.exit[k] < 0 ? bars - 1 : trades.exit[k];
      if (exit >= first && trades.entry[k] < last) found.push(k);
    }
    return found;
  }

  const tradeText = (k) =>
    "trade " + (k + 1) + ", " + (trades.side[k] > 0 ? "long" : "short") +
    (trades.signal[k] ? ", " + trades.signal[k] + " SFP" : "") + "<br>net " + amount(trades.net[k]) +
    (Number.isNaN(trades.r[k]) ? "" : ", " + amount(trades.r[k]) + " R");

  function tradeTraces(first, last) {
    const parts = { long: { x: [], y: [], text: [] }, short: { x: [], y: [], text: [] },
      won: { x: [], y: [], text: [] }, lost: { x: [], y: [], text: [] } };
    const lines = { won: { x: [], y: [] }, lost: { x: [], y: [] } };
    const found = tradesIn(first, last);
    const few = found.length <= MOST_TRADES;
    const size = found.length > 120 ? 0.6 : 1; // of the marks
    if (few) {
      for (const k of found) {
        const entry = parts[trades.side[k] > 0 ? "long" : "short"];
        entry.x.push(entryTime(k));
        entry.y.push(price(trades.in[k]));
        entry.text.push(tradeText(k) + "<br>in at " + shown(trades.in[k]) + ", " + trades.qty[k]);
        if (trades.exit[k] < 0) continue;
        const name = trades.net[k] > 0 ? "won" : "lost";
        parts[name].x.push(exitTime(k));
        parts[name].y.push(price(trades.out[k]));
        parts[name].text.push(tradeText(k) + "<br>out at " + shown(trades.out[k]) + " by " + trades.by[k]);
        lines[name].x.push(entryTime(k), exitTime(k), null);
        lines[name].y.push(price(trades.in[k]), price(trades.out[k]), null);
      }
    }
    return { parts, lines, count: found.length, few, size };
  }

  const SFP = [
    { name: "bear SFP, local", symbol: "triangle-down", colour: "#b8336a", fill: true, up: true },
    { name: "bull SFP, local", symbol: "triangle-up", colour: "#2f7d32", fill: true, up: false },
    { name: "bear SFP, classic", symbol: "triangle-down-open", colour: "#b8336a", up: true },
    { name: "bull SFP, classic", symbol: "triangle-up-open", colour: "#2f7d32", up: false },
  ];

  function markTraces(first, last, bucket, offset) {
    const found = SFP.map(() => ({ x: [], y: [], text: [] }));
    if (bucket <= MARK_BUCKET) {
      for (let i = 0; i < marks.bar.length; i++) {
        const bar = marks.bar[i];
        if (bar < first || bar >= last) continue;
        const kind = SFP[marks.kind[i]], into = found[marks.kind[i]];
        into.x.push((timeOf(bar) + endOf(bar)) / 2);
        into.y.push(kind.up ? price(series.high[bar]) + offset : price(series.low[bar]) - offset);
        into.text.push(kind.name + "<br>" + stamp(timeOf(bar)));
      }
    }
    return found;
  }

  const plot = document.getElementById("chart");
  const note = document.getElementById("chart-note");
  let view = [timeOf(0), endOf(bars - 1)];
  let drawing = false;

  function span(first, last) {
    let low = Infinity, high = -Infinity;
    for (let i = first; i < last; i++) {
      if (series.low[i] < low) low = series.low[i];
      if (series.high[i] > high) high = series.high[i];
    }
    const room = Math.max((high - low) * 0.06, 2);
    return [price(low - room), price(high + room)];
  }

  function rangeOf(values, first, last) {
    let low = Infinity, high = -Infinity;
    for (let i = first; i < last; i++) {
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
    const room = (high - low) * 0.08 || Math.abs(high) * 0.01 || 1;
    return [low - room, high + room];
  }

  const marker = (symbol, size, color, line) => ({ symbol, size, color, line: { width: line || 0, color: "#fff" } });
  const HOVER = "%{text}<extra></extra>";

  function figure() {
    const first = Math.min(Math.max(place(view[0]) - 1, 0), bars - 1);
    const last = Math.min(Math.max(place(view[1]), first + 1), bars);
    const width = Math.max(plot.clientWidth - 90, 200);
    const bucket = bucketFor(last - first, width);
    const side = Math.ceil((last - first) / 6); // some more on both sides, for a drag to show
    const from = Math.max(first - side, 0), to = Math.min(last + side, bars);
    const yPrice = span(first, last);
    const bar = candles(from, to, bucket);
    const stop = bucket <= MARK_BUCKET ? stops(from, to) : { x: [], y: [] };
    const traded = tradeTraces(from, to);
    const marked = markTraces(from, to, bucket, (yPrice[1] - yPrice[0]) * 0.022);
    const equity = extremes(series.equity, from, to, 2 * width);
    const fall = extremes(series.fall, from, to, 2 * width);
    const points = (name, part, look, more) =>
      Object.assign({ type: "scatter", mode: "markers", name, x: part.x, y: part.y, text: part.text,
        hovertemplate: HOVER, marker: look, cliponaxis: true }, more);
    const line = (name, part, color, more) =>
      Object.assign({ type: "scatter", mode: "lines", name, x: part.x, y: part.y, line: { color, width: 1.4 } }, more);
    const traces = [
      { type: "candlestick", name: "bars", x: bar.x, open: bar.open, high: bar.high, low: bar.low, close: bar.close,
        text: bar.text, increasing: { line: { color: COLOURS.up, width: 1 }, fillcolor: COLOURS.up },
        decreasing: { line: { color: COLOURS.down, width: 1 }, fillcolor: COLOURS.down }, showlegend: false },
      line("won", traded.lines.won, COLOURS.up, { showlegend: false, hoverinfo: "skip", opacity: 0.8 }),
      line("lost", traded.lines.lost, COLOURS.down, { showlegend: false, hoverinfo: "skip", opacity: 0.8 }),
      line("stop", stop, COLOURS.stop, { line: { color: COLOURS.stop, width: 1.3, dash: "dot" }, connectgaps: false,
        hovertemplate: "stop %{y}<extra></extra>" }),
    ];
    if (data.marks_shown) SFP.forEach((kind, i) => traces.push(points(kind.name, marked[i], marker(kind.symbol, 7, kind.colour))));
    traces.push(
      points("long entry", traded.parts.long, marker("arrow-right", 11 * traded.size, COLOURS.long, 1)),
      points("short entry", traded.parts.short, marker("arrow-right", 11 * traded.size, COLOURS.short, 1)),
      points("exit, won", traded.parts.won, marker("circle", 8 * traded.size, COLOURS.up, 1)),
      points("exit, lost", traded.parts.lost, marker("x", 8 * traded.size, COLOURS.down, 1)),
      line("equity", equity, COLOURS.equity, { yaxis: "y2", showlegend: false, hovertemplate: "equity %{y:,.2f}<extra></extra>" }),
      line("below the peak", fall, COLOURS.fall, { yaxis: "y3", showlegend: false, fill: "tozeroy",
        fillcolor: "rgba(209,73,91,0.15)", hovertemplate: "%{y:.1f} % below the peak<extra></extra>" }),
    );
    const hidden = [];
    if (bucket > MARK_BUCKET) hidden.push(...(data.marks_shown ? ["swing failures"] : []), "stops");
    if (!traded.few) hidden.push("the " + traded.count.toLocaleString("en") + " trades");
    note.textContent = (bucket > 1 ? "A candle is " + bucket + " bars. " : "A candle is a bar. ") +
      (hidden.length ? "Zoom in to see " + hidden.join(", ") + "." : "");
    return { traces, ranges: [yPrice, rangeOf(series.equity, first, last), rangeOf(series.fall, first, last)] };
  }

  const narrow = () => plot.clientWidth < 620;
  const font = { family: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", size: 12, color: COLOURS.ink };
  const axis = (more) => Object.assign({ gridcolor: COLOURS.grid, zeroline: false, fixedrange: true, automargin: false }, more);

  function layout(ranges) {
    const title = (text) => (narrow() ? undefined : { text, font: { size: 11 }, standoff: 4 });
    return {
      font, height: narrow() ? 620 : 720, margin: { l: narrow() ? 46 : 66, r: 14, t: narrow() ? 92 : 44, b: 34 },
      paper_bgcolor: "#fff", plot_bgcolor: "#fff", dragmode: "pan", hovermode: "closest", uirevision: "keep",
      legend: { orientation: "h", x: 0, y: 1.01, yanchor: "bottom", font: { size: 11 } },
      xaxis: { type: "date", range: view.slice(), rangeslider: { visible: false }, gridcolor: COLOURS.grid, anchor: "y3",
        showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "dot", spikecolor: "#8795a3", spikesnap: "cursor" },
      yaxis: axis({ domain: [0.36, 1], range: ranges[0], tickformat: ",." + Math.min(chart.decimals, 4) + "~f" }),
      yaxis2: axis({ domain: [0.15, 0.33], range: ranges[1], title: title("equity") }),
      yaxis3: axis({ domain: [0, 0.12], range: ranges[2], title: title("below peak, %") }),
    };
  }

  function draw() {
    drawing = true;
    const made = figure();
    return Plotly.react(plot, made.traces, layout(made.ranges), { responsive: true, scrollZoom: true, displaylogo: false,
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d"]] }).then(() => { drawing = false; });
  }

  let waiting = 0;
  function show(from, to) {
    const least = 12 * chart.bar_ms, begin = timeOf(0), end = endOf(bars - 1);
    let length = Math.min(Math.max(to - from, Math.min(least, end - begin)), 1.1 * (end - begin));
    const middle = Math.min(Math.max((from + to) / 2, begin), end);
    view = [middle - length / 2, middle + length / 2];
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(draw);
  }

  // Plotly says a time as milliseconds or as text without a zone, with fewer or more digits.
  function ms(value) {
    if (typeof value === "number") return value;
    const [day, clock] = value.split(/[ T]/);
    return Date.parse(day + "T" + (clock || "00:00").replace(/(\.\d{3})\d+$/, "$1") + "Z");
  }

  function clickRange(days) {
    const end = Math.min(view[1], endOf(bars - 1));
    if (days === 0) show(timeOf(0), endOf(bars - 1)); else show(end - days * 86400000, end);
  }

  // Trades: a table a page at a time; a row goes to the trade on the chart.
  const PAGE = 15;
  const table = document.getElementById("trade-rows");
  let page = 0, current = -1;
  function pages() { return Math.max(1, Math.ceil(trades.entry.length / PAGE)); }
  function rows() {
    table.replaceChildren();
    for (let k = page * PAGE; k < Math.min((page + 1) * PAGE, trades.entry.length); k++) {
      const row = document.createElement("tr");
      const open = trades.exit[k] < 0;
      const cells = [k + 1, trades.side[k] > 0 ? "long" : "short", trades.signal[k], stamp(timeOf(trades.entry[k])),
        shown(trades.in[k]), open ? "" : stamp(timeOf(trades.exit[k])), open ? "" : shown(trades.out[k]), trades.by[k],
        String(trades.qty[k]), amount(trades.net[k]), Number.isNaN(trades.r[k]) ? "" : amount(trades.r[k])];
      cells.forEach((value, i) => {
        const cell = document.createElement("td");
        cell.textContent = value;
        if (i === 9) cell.className = trades.net[k] > 0 ? "good" : "poor";
        row.appendChild(cell);
      });
      row.tabIndex = 0;
      if (k === current) row.className = "current";
      row.addEventListener("click", () => visit(k));
      row.addEventListener("keydown", (event) => { if (event.key === "Enter") visit(k); });
      table.appendChild(row);
    }
    document.getElementById("trade-page").textContent = "page " + (page + 1) + " of " + pages();
  }
  function visit(k) {
    if (trades.entry.length === 0) return;
    current = (k + trades.entry.length) % trades.entry.length;
    page = Math.floor(current / PAGE);
    const exit = trades.exit[current] < 0 ? bars - 1 : trades.exit[current];
    const around = Math.max(40, exit - trades.entry[current]);
    show(timeOf(Math.max(trades.entry[current] - around, 0)), endOf(Math.min(exit + around, bars - 1)));
    rows();
  }
  const turn = (by) => { page = (page + by + pages()) % pages(); rows(); };

  function start() {
    draw().then(() => {
      plot.on("plotly_relayout", (change) => {
        if (drawing) return;
        if ("xaxis.range[0]" in change) show(ms(change["xaxis.range[0]"]), ms(change["xaxis.range[1]"]));
        else if (change["xaxis.autorange"]) clickRange(0);
      });
      plot.on("plotly_doubleclick", () => { clickRange(0); return false; });
      document.body.dataset.ready = "yes";
    });
    for (const button of document.querySelectorAll("[data-days]"))
      button.addEventListener("click", () => clickRange(Number(button.dataset.days)));
    document.getElementById("previous").addEventListener("click", () => visit(current < 0 ? trades.entry.length - 1 : current - 1));
    document.getElementById("next").addEventListener("click", () => visit(current + 1));
    document.getElementById("page-back").addEventListener("click", () => turn(-1));
    document.getElementById("page-on").addEventListener("click", () => turn(1));
    let width = plot.clientWidth;
    window.addEventListener("resize", () => {
      if (plot.clientWidth === width) return;
      width = plot.clientWidth;
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(draw);
    });
    rows();
    for (const [name, made] of Object.entries(data.figures)) {
      const place = document.getElementById(name);
      if (place) Plotly.newPlot(place, made.data, made.layout, { responsive: true, displayModeBar: false });
    }
  }
  start();
})();
