// What all charts share: the library, its look in both themes, and the user's locale.

let plotly = null; // the library, once it is unpacked
let chartsRefused = false; // it could not be unpacked

async function loadPlotly() {
  try {
    document.head.append(element('script', {}, await unpacked('library')));
    plotly = window.Plotly;
    plotly.register(ownLocale());
  } catch {
    chartsRefused = true;
  }
}

function plot(id, traces, layout, label) {
  const target = place(id);
  if (!target.getClientRects().length) return null; // in the other view: drawn when that is shown
  if (chartsRefused) {
    return showEmpty(target, t('This browser cannot draw the charts; the figures on this page are complete.'));
  }
  if (!plotly) return showEmpty(target, t('Drawing\u2026'), 'pending');
  if (!target.classList.contains('js-plotly-plot')) target.replaceChildren();
  target.setAttribute('role', 'img');
  target.setAttribute('aria-label', label);
  const near = { hoverdistance: hoverDistance(target, traces, layout) };
  if (state.isOnPaper) Object.assign(near, { width: PAPER_PX, height: PAPER_CHART_PX });
  return plotly.react(target, traces.map(withWords), { ...layout, ...near }, { displayModeBar: false, responsive: true, locale: 'user' });
}

/** What hovering says of a point is the text that is shown elsewhere too; a trace without one says nothing. */
function withWords({ hoverName, ...trace }) {
  const name = hoverName ? `<extra>${hoverName}</extra>` : ''; // where it is not what the legend says
  return trace.text ? { ...trace, hovertemplate: `%{text}${name}` } : { ...trace, hoverinfo: 'skip', hovertemplate: null };
}

const AXES_PX = 70; // what the vertical axis takes of a chart's width

/** So near a point must be, in pixels, to be spoken of: less than half a week, or the week beside it would answer too. */
function hoverDistance(target, traces, { xaxis }) {
  const width = target.clientWidth - AXES_PX;
  const steps = xaxis.range
    ? (new Date(xaxis.range[1]) - new Date(xaxis.range[0])) / (7 * DAY_MS)
    : new Set(traces.flatMap(({ x }) => x)).size;
  return Math.max(1, Math.floor((0.45 * width) / Math.max(steps, 1)));
}

function showEmpty(target, reason, kind = '') {
  if (target.classList.contains('js-plotly-plot')) plotly.purge(target);
  target.classList.remove('js-plotly-plot');
  target.removeAttribute('role');
  target.removeAttribute('aria-label');
  target.replaceChildren(element('p', { class: `empty ${kind}` }, reason));
}

function commonLayout(title, tickformat) {
  const axis = {
    color: colour('muted'),
    gridcolor: colour('grid'),
    linecolor: colour('line'),
    zeroline: false,
    fixedrange: true,
  };
  return {
    font: { family: getComputedStyle(document.body).fontFamily, size: 12.5, color: colour('muted') },
    paper_bgcolor: colour('sheet'),
    plot_bgcolor: colour('sheet'),
    margin: { l: 40, r: 8, t: 12, b: 40 }, // the library adds what the legend and the titles need
    hovermode: 'x unified',
    hoverlabel: { bgcolor: colour('sheet'), bordercolor: colour('line'), font: { color: colour('ink') } },
    dragmode: false,
    legend: { orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', font: { color: colour('ink') } },
    xaxis: {
      ...axis,
      title: { text: t('Week ending'), standoff: 8, font: { size: 12.5 } },
      automargin: true,
      spikecolor: colour('edge'),
      spikethickness: 1,
      showgrid: false,
      ticks: 'outside',
      tickcolor: colour('line'),
      tickformat: `${dayMonthFormat()}\n%Y`,
      hoverformat: `${dayMonthFormat()} %Y`,
      nticks: narrow() ? 5 : 12,
    },
    yaxis: {
      ...axis,
      automargin: true,
      title: { text: title, standoff: 10, font: { size: 12.5 } },
      tickformat,
      tickmode: 'auto',
      nticks: 6,
    },
  };
}

function lineOf(name, x, y, text = y.map(quantity)) {
  return { name, x, y, text, connectgaps: false, mode: 'lines+markers' };
}

/** From the first to the last week, with a margin; at least so many weeks, for no axis counts in days. */
function weekRange(weeks, least) {
  const latest = weeks.at(-1);
  const first = [weeks[0], weeksBefore(latest, least - 1)].sort()[0];
  return [daysAfter(first, -4), daysAfter(latest, 4)];
}

function fullHeight(type, x0, x1, look) {
  return { type, x0, x1, yref: 'paper', y0: 0, y1: 1, ...look };
}

/** The user's month names and separators, for the plotting library. */
function ownLocale() {
  const months = (style) => {
    const format = dateFormat({ day: 'numeric', month: style }); // the month's name as it stands beside a day
    return Array.from({ length: 12 }, (_, month) =>
      partOf(format.formatToParts(Date.UTC(2024, month, 15)), 'month', ''),
    );
  };
  const days = (style) => {
    const format = dateFormat({ weekday: style });
    return Array.from({ length: 7 }, (_, weekday) => format.format(Date.UTC(2024, 8, 1 + weekday)));
  };
  const number = new Intl.NumberFormat(locale).formatToParts(1234567.8);
  return {
    moduleType: 'locale',
    name: 'user',
    dictionary: {},
    format: {
      days: days('long'),
      shortDays: days('short'),
      months: months('long'),
      shortMonths: months('short'),
      decimal: partOf(number, 'decimal', '.'),
      thousands: partOf(number, 'group', ' '),
      grouping: [3],
    },
  };
}

/** A small picture of a series that says no more than its shape; gaps where a value is not known. */
function sparkline(values) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return UNDEFINED;
  const top = Math.max(...known) || 1;
  const [width, height] = [96, 26];
  const x = (position) => ((position * width) / (values.length - 1)).toFixed(1);
  const y = (value) => (height - 2 - (value / top) * (height - 4)).toFixed(1);
  let pen = 'M';
  const path = values.map((value, position) => {
    const move = pen;
    pen = value === null ? 'M' : 'L';
    return value === null ? '' : `${move}${x(position)} ${y(value)}`;
  });
  const svg = svgElement('svg', {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    class: 'spark',
    'aria-hidden': 'true',
  });
  svg.append(svgElement('path', { d: path.join('') }));
  return svg;
}

function svgElement(tag, attributes) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
