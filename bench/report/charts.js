// Charts: inline SVG with axes and units. Point at them, or focus them and use the arrow keys, for values.

const kSvg = 'http://www.w3.org/2000/svg';

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(kSvg, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** About `count` round numbers from low to high. */
function ticks(low, high, count) {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.75);
  const result = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) result.push(i * step);
  return result;
}

/** Powers of ten and, where they are few, their doubles and fives, in log10. */
function logTicks(low, high) {
  const factors = high - low > 2.5 ? [1] : [1, 2, 5];
  const result = [];
  for (let decade = Math.floor(low); decade <= Math.ceil(high); ++decade) {
    for (const factor of factors) {
      const value = decade + Math.log10(factor);
      if (value >= low - 1e-9 && value <= high + 1e-9) result.push(value);
    }
  }
  return result;
}

/** Units across a chart: fewer on a phone, so that its text stays as large as other text. */
const chartWidth = () => (innerWidth < 500 ? 310 : 380);

/** The frame every chart shares: title, axes, grid, and a cursor that reads values out. */
class Chart {
  constructor({title, summary, xLabel, xTicks, yTicks, x, y, xText, yText, width = chartWidth(), height = 200}) {
    this.size = {width, height, left: 52, right: 18, top: 10, bottom: 40};
    const s = this.size;
    const scale = (domain, from, to) => (value) => {
      const span = domain[1] - domain[0];
      return span > 0 ? from + ((value - domain[0]) / span) * (to - from) : (from + to) / 2;
    };
    this.x = scale(x, s.left, s.width - s.right);
    this.y = scale(y, s.height - s.bottom, s.top);
    this.svg = svg('svg', {viewBox: `0 0 ${s.width} ${s.height}`, role: 'img', tabindex: 0, 'aria-label': `${title}. ${summary}`});
    for (const value of yTicks) {
      const at = this.y(value);
      this.svg.append(svg('line', {class: 'grid', x1: s.left, x2: s.width - s.right, y1: at, y2: at}),
                      svg('text', {class: 'tick', x: s.left - 7, y: at + 3.5, 'text-anchor': 'end'}, yText(value)));
    }
    const floor = s.height - s.bottom;
    this.svg.append(svg('line', {class: 'axis', x1: s.left, x2: s.width - s.right, y1: floor, y2: floor}));
    for (const value of xTicks) {
      const at = this.x(value);
      this.svg.append(svg('line', {class: 'axis', x1: at, x2: at, y1: floor, y2: floor + 4}),
                      svg('text', {class: 'tick', x: at, y: floor + 16, 'text-anchor': 'middle'}, xText(value)));
    }
    this.svg.append(svg('text', {class: 'name', x: (s.left + s.width - s.right) / 2, y: s.height - 6, 'text-anchor': 'middle'}, xLabel));
    this.readout = el('span', {class: 'readout', 'aria-live': 'polite'});
    this.figure = el('figure', {class: 'chart'}, el('figcaption', {}, el('b', {}, title), this.readout), this.svg);
  }

  /** places: x of each datum on the page; show(i) marks datum i and returns its text. */
  readable(places, show, rest = '') {
    let at = -1;
    this.readout.textContent = rest;
    const leave = () => { at = -1; show(-1); this.readout.textContent = rest; };
    const go = (i) => {
      at = Math.max(0, Math.min(places.length - 1, i));
      this.readout.textContent = show(at);
    };
    this.svg.addEventListener('pointermove', (event) => {
      const box = this.svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * this.size.width;
      let best = 0;
      places.forEach((place, i) => { if (Math.abs(place - x) < Math.abs(places[best] - x)) best = i; });
      go(best);
    });
    this.svg.addEventListener('pointerleave', leave);
    this.svg.addEventListener('blur', leave);
    this.svg.addEventListener('keydown', (event) => {
      const steps = {ArrowLeft: -1, ArrowRight: 1, Home: -places.length, End: places.length};
      if (!(event.key in steps)) return;
      event.preventDefault();
      go(at + steps[event.key]);
    });
  }
}

/** points: [[x, y], ...] in ascending x. */
function lineChart({title, points, unit, log, text, fromZero}) {
  const map = log ? Math.log10 : (value) => value;
  const ys = points.map((point) => map(point[1]));
  let low = Math.min(...ys), high = Math.max(...ys);
  if (fromZero) low = 0;
  if (high - low < 1e-12) { high += Math.abs(high) * 0.1 || 1; if (!fromZero) low -= Math.abs(low) * 0.1; }
  const pad = (high - low) * 0.05;
  const y = [fromZero ? low : low - pad, high + pad];
  const last = points[points.length - 1];
  const xHigh = last[0];
  const chart = new Chart({
    title, summary: `From ${text(points[0][1])} to ${text(last[1])} over ${short(xHigh)} samples.`,
    xLabel: `activations seen${unit ? ` · ${unit}` : ''}`, x: [0, xHigh], y,
    xTicks: ticks(0, xHigh, chartWidth() / 80), yTicks: log ? logTicks(y[0], y[1]) : ticks(y[0], y[1], 4),
    xText: short, yText: (value) => text(log ? 10 ** value : value),
  });
  const places = points.map((point) => chart.x(point[0]));
  const path = points.map((point, i) => `${i ? 'L' : 'M'}${places[i].toFixed(1)} ${chart.y(ys[i]).toFixed(1)}`).join('');
  const dot = svg('circle', {class: 'dot', r: 3.5, visibility: 'hidden'});
  chart.svg.append(svg('path', {class: 'line', d: path}), dot);
  chart.readable(places, (i) => {
    dot.setAttribute('visibility', i < 0 ? 'hidden' : 'visible');
    if (i < 0) return '';
    dot.setAttribute('cx', places[i]);
    dot.setAttribute('cy', chart.y(ys[i]));
    return `${text(points[i][1])} at ${short(points[i][0])}`;
  }, `${text(last[1])} at the end`);
  return chart.figure;
}

/** Equal bins from low to high. */
function barChart({title, summary, low, high, counts, xLabel, xTicks, xText, say, rest, width, height}) {
  const top = Math.max(1, ...counts);
  const chart = new Chart({
    title, summary, xLabel, x: [low, high], y: [0, top * 1.04], xTicks, xText, width, height,
    yTicks: ticks(0, top, 4).filter((value) => Number.isInteger(value)), yText: short,
  });
  const step = (high - low) / counts.length;
  const floor = chart.y(0);
  const bars = counts.map((count, i) => {
    const left = chart.x(low + i * step), right = chart.x(low + (i + 1) * step);
    const at = count ? Math.min(chart.y(count), floor - 1.5) : floor;
    return svg('rect', {class: 'bar', x: left + 0.6, width: Math.max(right - left - 1.2, 0.8), y: at, height: floor - at});
  });
  chart.svg.append(...bars);
  const places = counts.map((_, i) => chart.x(low + (i + 0.5) * step));
  chart.readable(places, (i) => {
    bars.forEach((bar, j) => bar.classList.toggle('on', i === j));
    return i < 0 ? '' : say(low + i * step, low + (i + 1) * step, counts[i]);
  }, rest);
  return chart.figure;
}

/** A histogram as small as a word. Heights are square roots, or nothing but the first bin would show. */
function sparkline(counts) {
  const top = Math.sqrt(Math.max(1, ...counts));
  const bars = counts.map((count, i) => {
    const height = count ? Math.max((Math.sqrt(count) / top) * 22, 1) : 0;
    return svg('rect', {class: 'bar', x: i * 3, width: 2.2, y: 22 - height, height});
  });
  return svg('svg', {class: 'spark', viewBox: `0 0 ${Math.max(counts.length, 1) * 3} 22`, 'aria-hidden': 'true', preserveAspectRatio: 'none'}, ...bars);
}
