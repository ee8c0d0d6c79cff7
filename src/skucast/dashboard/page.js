// The dashboard's behaviour: sums errors for the chosen filter, then fills cards, tables and charts.
// Top-down: state and start, the filter, sums, cards, tables, charts, and small helpers last.
'use strict';

const EXPECTED_COVERAGE = 0.8;
const FIRST_ROWS = 10;
const MORE_ROWS = 25;
const SPANS = [
  [26, '26 weeks'],
  [52, '52 weeks'],
  [0, 'All'],
];
const PERIODS = [4, 8, 13, 26];
const DAY_MS = 86400000;
const INTERVAL = `${percent(EXPECTED_COVERAGE, 0)} interval`;

const METHODS = {
  prophet: 'Model',
  mean_8: 'Mean of the last 8 weeks',
  seasonal_naive: 'Same week last year',
  zero: 'Zero',
};
const STATUSES = {
  ok: 'model forecast',
  capped: 'model forecast, limited to a plausible height',
  no_model: 'no model trained yet',
  short_history: 'history too short for a model',
  load_failed: 'stored model could not be read',
  forecast_failed: 'model gave no usable forecast',
  inactive: 'no longer sold',
};
const COMPONENTS = {
  level: 'Level',
  yearly: 'Time of year',
  holidays: 'Holidays',
  promo: 'Promotion',
  weather: 'Weather',
  carry_over: 'Last week\u2019s sales',
};
// Sorting starts at the worst end: `rising` columns from their lowest value, the others from their highest.
const COLUMNS = [
  { key: 'name', label: 'Combination', rising: true },
  { key: 'share', label: 'Share of error', show: percent, cell: shareCell },
  { key: 'wape', label: 'WAPE', show: percent },
  { key: 'biasRatio', label: 'Bias', show: signedPercent },
  { key: 'fva', label: 'FVA', show: points, tone: goodAboveZero, rising: true },
  { key: 'coverage', label: 'Coverage', show: percent, rising: true },
  { key: 'sales', label: 'Sales per week', show: quantity },
  { key: 'mae', label: 'Error per week', show: quantity },
];

const data = JSON.parse(place('data').textContent);
const combinations = data.combinations.unit.map((unit, index) => ({
  index,
  unit,
  channel: data.combinations.channel[index],
  sku: data.combinations.SKU_ID[index],
  text: data.combinations.SKU_ID[index].toLocaleLowerCase(),
}));
const starts = Object.fromEntries(
  ['scored', 'forecasts', 'history', 'left_out'].map((table) => [table, startsOf(data[table].rows)]),
);
const scoredWeeks = [...new Set(data.scored.ds)].sort((a, b) => a - b);
const scoredSteps = [...new Set(data.scored.step)].sort((a, b) => a - b);
const lastWeek = data.window ? data.window.end : scoredWeeks.length ? data.weeks[scoredWeeks.at(-1)] : data.cutoff;
const windowWeeks = data.window ? weeksBetween(data.window.start, data.window.end) + 1 : 0;

const state = {
  unit: '',
  channel: '',
  sku: '',
  step: 0, // 0 = all steps pooled
  weeks: defaultWeeks(),
  sort: { key: 'share', down: true },
  rows: FIRST_ROWS,
  span: 52,
  selected: null, // index of a combination
  ranked: [], // rows of the ranking, in its order
};
let plotly = null; // the library, once it is unpacked
let chartsRefused = false; // the browser cannot unpack it

start();

async function start() {
  place('n-combinations').textContent = whole(combinations.length);
  document.querySelectorAll('time.date').forEach((time) => (time.textContent = day(time.dateTime)));
  fillControls();
  restoreFromAddress();
  listen();
  update();
  try {
    plotly = await loadPlotly();
  } catch {
    chartsRefused = true;
  }
  drawCharts();
}

// --- The filter -----------------------------------------------------------------------------------------------------

function fillControls() {
  fillSelect('unit', data.combinations.unit);
  fillSelect('channel', data.combinations.channel);
  const periods = [...new Set([...PERIODS, windowWeeks, availableWeeks()])];
  const fitting = periods.filter((weeks) => weeks > 0 && weeks <= availableWeeks()).sort((a, b) => a - b);
  control('weeks').replaceChildren(...fitting.map((weeks) => option(periodLabel(weeks), weeks)));
  control('weeks').disabled = fitting.length === 0;
  if (!fitting.length) control('weeks').append(option('None yet', 0));
  fillSegments('steps', 'step', [[0, 'All'], ...scoredSteps.map((step) => [step, whole(step)])], state.step);
  fillSegments('spans', 'span', SPANS, state.span);
}

function fillSelect(name, values) {
  const sorted = [...new Set(values)].sort((a, b) => a.localeCompare(b));
  control(name).append(...sorted.map((value) => option(value, value)));
}

function fillSegments(id, name, choices, chosen) {
  for (const [value, label] of choices) {
    const radio = element('input', { type: 'radio', name, value: String(value) });
    radio.defaultChecked = value === chosen;
    place(id).append(element('label', {}, radio, label));
  }
}

function periodLabel(weeks) {
  return weeks === 1 ? 'Last week' : `Last ${whole(weeks)} weeks`;
}

function availableWeeks() {
  return scoredWeeks.length ? weeksBetween(data.weeks[scoredWeeks[0]], lastWeek) + 1 : 0;
}

function defaultWeeks() {
  return Math.min(windowWeeks || availableWeeks(), availableWeeks());
}

function listen() {
  const form = place('filters');
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('input', applyFilter);
  form.addEventListener('reset', () => setTimeout(clearFilter));
  place('spans').addEventListener('change', (event) => {
    state.span = Number(event.target.value);
    drawDetail();
  });
  place('previous').addEventListener('click', () => moveSelection(-1));
  place('next').addEventListener('click', () => moveSelection(1));
  place('more').addEventListener('click', showMore);
  place('ranking').tBodies[0].addEventListener('click', selectClicked);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawCharts);
  matchMedia('(max-width: 640px)').addEventListener('change', drawCharts);
}

function applyFilter() {
  readFilter();
  rememberInAddress();
  update();
}

function readFilter() {
  const form = new FormData(place('filters'));
  state.unit = form.get('unit');
  state.channel = form.get('channel');
  state.sku = form.get('sku').normalize('NFC').trim();
  state.step = Number(form.get('step'));
  state.weeks = Number(form.get('weeks'));
  state.rows = FIRST_ROWS;
}

function clearFilter() {
  control('weeks').value = String(defaultWeeks());
  applyFilter();
  control('unit').focus();
}

function isFiltered() {
  return Boolean(state.unit || state.channel || state.sku || state.step || state.weeks !== defaultWeeks());
}

function rememberInAddress() {
  const parts = new URLSearchParams();
  for (const name of ['unit', 'channel', 'sku', 'step']) if (state[name]) parts.set(name, state[name]);
  if (state.weeks !== defaultWeeks()) parts.set('weeks', state.weeks);
  try {
    history.replaceState(null, '', `#${parts}`);
  } catch {
    // A sandboxed frame has no address to write; the page works without.
  }
}

function restoreFromAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  control('weeks').value = String(defaultWeeks());
  for (const name of ['unit', 'channel', 'weeks']) {
    const known = [...control(name).options].some((choice) => choice.value === parts.get(name));
    if (known) control(name).value = parts.get(name);
  }
  control('sku').value = parts.get('sku') ?? '';
  const radio = [...place('steps').querySelectorAll('input')].find((input) => input.value === parts.get('step'));
  if (radio) radio.checked = true;
  readFilter();
}

function matching() {
  const wanted = state.sku.toLocaleLowerCase();
  return combinations.filter(
    (combination) =>
      (!state.unit || combination.unit === state.unit) &&
      (!state.channel || combination.channel === state.channel) &&
      combination.text.includes(wanted),
  );
}

// --- Sums and ratios ------------------------------------------------------------------------------------------------

function update() {
  state.sums = sumErrors(matching());
  state.ranked = rankRows();
  if (!state.ranked.some((row) => row.index === state.selected)) state.selected = state.ranked[0]?.index ?? null;
  drawMatched();
  drawCards();
  drawBySteps();
  drawRanking();
  drawTrend();
  drawDetail();
}

/** Sums in total and per combination; per step whatever step is chosen, per week whatever weeks are. */
function sumErrors(chosen) {
  const sums = { total: noSums(), byCombination: new Map(), byStep: new Map(), byWeek: new Map(), weeks: new Set() };
  const since = weeksBefore(lastWeek, state.weeks - 1);
  for (const combination of chosen) {
    const own = noSums();
    for (const row of rowsOf('scored', combination.index)) {
      const week = data.scored.ds[row];
      const inPeriod = data.weeks[week] >= since;
      const isStep = !state.step || data.scored.step[row] === state.step;
      if (isStep) addRow(sumsOf(sums.byWeek, week), row);
      if (inPeriod) addRow(sumsOf(sums.byStep, data.scored.step[row]), row);
      if (isStep && inPeriod) [own, sums.total].forEach((target) => addRow(target, row));
      if (isStep && inPeriod) sums.weeks.add(week);
    }
    sums.byCombination.set(combination, own);
  }
  return sums;
}

function noSums() {
  return {
    n: 0,
    actual: 0,
    absActual: 0,
    error: 0,
    absError: 0,
    covered: 0,
    pairedActual: 0,
    pairedError: 0,
    baseError: 0,
  };
}

function sumsOf(map, key) {
  if (!map.has(key)) map.set(key, noSums());
  return map.get(key);
}

function addRow(sums, row) {
  const { y, yhat, covered, baseline_last_year: baseline } = data.scored;
  const miss = Math.abs(yhat[row] - y[row]);
  sums.n += 1;
  sums.actual += y[row];
  sums.absActual += Math.abs(y[row]);
  sums.error += yhat[row] - y[row];
  sums.absError += miss;
  sums.covered += covered[row];
  if (baseline[row] === null) return; // both sides of the comparison use the same rows
  sums.pairedActual += Math.abs(y[row]);
  sums.pairedError += miss;
  sums.baseError += Math.abs(baseline[row] - y[row]);
}

/** Ratios of sums; null where undefined. `sales` and `mae` are per week. */
function measures(sums) {
  const baseline = ratio(sums.baseError, sums.pairedActual);
  return {
    n: sums.n,
    sales: ratio(sums.actual, sums.n),
    mae: ratio(sums.absError, sums.n),
    wape: ratio(sums.absError, sums.absActual),
    biasRatio: ratio(sums.error, sums.absActual),
    coverage: ratio(sums.covered, sums.n),
    baseline,
    fva: baseline === null ? null : baseline - ratio(sums.pairedError, sums.pairedActual),
  };
}

function ratio(part, base) {
  return base > 0 ? part / base : null;
}

function rankRows() {
  const rows = [...state.sums.byCombination].map(([combination, sums]) => ({
    ...measures(sums),
    index: combination.index,
    combination,
    name: `${combination.sku} ${combination.unit} ${combination.channel}`,
    share: sums.n ? ratio(sums.absError, state.sums.total.absError) : null,
  }));
  return rows.sort(byColumn(state.sort));
}

function byColumn({ key, down }) {
  return (a, b) => {
    if (a[key] === null || b[key] === null) return (a[key] === null) - (b[key] === null) || a.index - b.index;
    const order = key === 'name' ? a.name.localeCompare(b.name) : a[key] - b[key];
    return (down ? -order : order) || a.index - b.index;
  };
}

// --- Cards ----------------------------------------------------------------------------------------------------------

function drawMatched() {
  const found = state.ranked.length;
  place('matched').textContent = `${whole(found)} of ${whole(combinations.length)} combinations`;
  place('clear').hidden = !isFiltered();
}

function drawCards() {
  const total = measures(state.sums.total);
  place('unscored').hidden = total.n > 0;
  place('unscored').textContent = whyUnscored();
  place('basis').textContent = total.n ? basis(total) : '';
  place('cards').replaceChildren(
    card('WAPE', percent(total.wape), total.baseline === null ? '' : `Same week last year: ${percent(total.baseline)}`),
    card('Bias', signedPercent(total.biasRatio), biasText(total.biasRatio)),
    card('Interval coverage', percent(total.coverage), coverageText(total.coverage)),
    card('Forecast value added', points(total.fva), fvaText(total.fva), goodAboveZero(total.fva)),
  );
}

function card(label, value, note, tone = '') {
  return element(
    'div',
    {},
    element('dt', {}, label),
    element('dd', { class: `value ${value === '-' ? '' : tone}` }, value),
    element(
      'dd',
      { class: 'note' },
      note || (state.sums.total.n ? 'Not defined: no sales in these weeks' : 'Nothing scored'),
    ),
  );
}

function whyUnscored() {
  if (!combinations.length) return 'No combination to show: no sales, forecasts or scores were delivered to this page.';
  if (!state.ranked.length) return 'No combination matches the filter. Change or clear it.';
  if (scoredWeeks.length) {
    return 'No forecast of this filter was scored in these weeks. Choose more weeks or another filter.';
  }
  const made = data.forecasts.step.length
    ? sentence(`The newest forecast was made at the cutoff ${day(data.cutoff)}`)
    : `No forecast of the cutoff ${day(data.cutoff)} is stored either.`;
  return `No week scored yet: a forecast is scored once the sales of its week are complete. ${made}`;
}

function basis(total) {
  const forecasts = `${whole(total.n)} ${total.n === 1 ? 'forecast' : 'forecasts'}`;
  const weeks = [...state.sums.weeks].sort((a, b) => a - b).map((week) => data.weeks[week]);
  const period =
    weeks.length === 1 ? `week ending ${day(weeks[0])}` : `weeks ending ${day(weeks[0])} to ${day(weeks.at(-1))}`;
  const steps = state.step ? `, ${stepText(state.step)}` : '';
  return `${sentence(`From ${forecasts} with known sales${steps}, ${period}`)}${leftOutText()}`;
}

/** Known for the window of the stored metrics only. */
function leftOutText() {
  if (!data.window || state.weeks !== defaultWeeks()) return '';
  let n = 0;
  for (const { index } of state.ranked) {
    for (const row of rowsOf('left_out', index)) if (data.left_out.step[row] === state.step) n += data.left_out.n[row];
  }
  return n ? ` ${whole(n)} more left out: sales unknown or out of stock.` : '';
}

function stepText(step) {
  return step === 1 ? '1 week ahead' : `${whole(step)} weeks ahead`;
}

function biasText(bias) {
  if (bias === null) return '';
  if (Math.abs(bias) < 0.0005) return 'As much forecast as sold';
  return bias > 0 ? 'More forecast than sold' : 'Less forecast than sold';
}

function coverageText(coverage) {
  if (coverage === null) return '';
  const gap = coverage - EXPECTED_COVERAGE;
  const reading = Math.abs(gap) <= 0.05 ? 'as it should be' : gap < 0 ? 'intervals too narrow' : 'intervals too wide';
  return `${percent(EXPECTED_COVERAGE, 0)} expected: ${reading}`;
}

function fvaText(fva) {
  if (fva === null) return '';
  if (Math.abs(fva) < 0.0005) return 'As good as the same week last year';
  return fva >= 0 ? 'Better than the same week last year' : 'Worse than the same week last year';
}

function goodAboveZero(value) {
  return value === null || Math.abs(value) < 0.0005 ? '' : value > 0 ? 'good' : 'bad';
}

// --- Tables ---------------------------------------------------------------------------------------------------------

function drawBySteps() {
  const steps = [...state.sums.byStep].sort((a, b) => a[0] - b[0]).map(([step, sums]) => [step, measures(sums)]);
  if (!steps.length) return showEmpty(place('by-step'), 'No week scored yet.');
  const rows = steps.map(([step, of]) => [
    whole(step),
    percent(of.wape),
    percent(of.baseline),
    signedPercent(of.biasRatio),
    percent(of.coverage, 0),
  ]);
  return place('by-step').replaceChildren(smallTable(['Weeks ahead', 'WAPE', 'Last year', 'Bias', 'Coverage'], rows));
}

function drawRanking() {
  const table = place('ranking');
  table.tHead.replaceChildren(element('tr', {}, ...COLUMNS.map(sortHeader)));
  table.tBodies[0].replaceChildren(...state.ranked.slice(0, state.rows).map(rankingRow));
  if (!state.ranked.length) table.tBodies[0].append(emptyRow());
  const left = state.ranked.length - state.rows;
  place('more').hidden = left <= 0;
  place('more').textContent = `Show ${whole(Math.min(left, MORE_ROWS))} more of ${whole(left)}`;
}

function sortHeader(column) {
  const sorted = state.sort.key === column.key;
  const button = element('button', { type: 'button' }, column.label);
  button.addEventListener('click', () => sortBy(column));
  const order = sorted ? { 'aria-sort': state.sort.down ? 'descending' : 'ascending' } : {};
  return element('th', { scope: 'col', ...order }, button);
}

function sortBy(column) {
  const again = state.sort.key === column.key;
  state.sort = { key: column.key, down: again ? !state.sort.down : !column.rising };
  state.ranked.sort(byColumn(state.sort));
  drawRanking();
  place('ranking').tHead.rows[0].cells[COLUMNS.indexOf(column)].firstChild.focus();
  drawPosition();
}

function rankingRow(row) {
  const chosen = row.index === state.selected;
  const name = element('button', { type: 'button', 'aria-current': String(chosen) }, row.combination.sku);
  const where = element('span', { class: 'quiet' }, `${row.combination.unit} · ${row.combination.channel}`);
  const cells = COLUMNS.slice(1).map((column) => {
    const shown = column.show(row[column.key]);
    const content = column.cell && row[column.key] !== null ? column.cell(row[column.key], shown) : shown;
    return element('td', { class: column.tone?.(row[column.key]) ?? '' }, content);
  });
  const line = element('tr', { class: chosen ? 'chosen' : '' }, element('th', { scope: 'row' }, name, where), ...cells);
  line.dataset.index = row.index;
  return line;
}

function emptyRow() {
  const reason = combinations.length ? 'No combination matches.' : 'None yet.';
  return element('tr', { class: 'none' }, element('td', { colspan: String(COLUMNS.length) }, reason));
}

function shareCell(share, shown) {
  const bar = element('i', { 'aria-hidden': 'true' });
  bar.style.setProperty('--part', `${Math.min(100, (100 * share) / (largestShare() || 1))}%`);
  return element('span', { class: 'share' }, bar, element('span', {}, shown));
}

function largestShare() {
  return Math.max(...state.ranked.map((row) => row.share ?? 0));
}

function showMore() {
  const first = state.rows;
  state.rows += MORE_ROWS;
  drawRanking();
  place('ranking').tBodies[0].rows[first]?.querySelector('button').focus();
}

function selectClicked(event) {
  const line = event.target.closest('tr[data-index]');
  const copying = !event.target.closest('button') && String(getSelection());
  if (!line || copying) return;
  select(Number(line.dataset.index));
  place('detail').focus({ preventScroll: true });
  place('detail').scrollIntoView({ behavior: calm() ? 'auto' : 'smooth', block: 'start' });
}

function select(index) {
  state.selected = index;
  state.rows = Math.max(state.rows, position() + 1);
  drawRanking();
  drawDetail();
}

function moveSelection(by) {
  const row = state.ranked[position() + by];
  if (row) select(row.index);
}

function position() {
  return state.ranked.findIndex((row) => row.index === state.selected);
}

// --- One combination ------------------------------------------------------------------------------------------------

function drawDetail() {
  const row = state.ranked[position()];
  place('detail').hidden = !row;
  if (!row) return;
  place('detail-title').textContent = row.combination.sku;
  place('detail-place').textContent = `${row.combination.unit} · ${row.combination.channel} · ${detailText(row)}`;
  drawPosition();
  drawComing(row.index);
  drawSeries(row.index);
}

function detailText(row) {
  if (!row.n) return 'not scored in these weeks';
  const error = `WAPE ${percent(row.wape)}, bias ${signedPercent(row.biasRatio)}`;
  return `${error}, FVA ${points(row.fva)}, coverage ${percent(row.coverage)}`;
}

function drawPosition() {
  // Not `disabled`: a button that is used up by the keyboard keeps the focus.
  place('previous').setAttribute('aria-disabled', String(position() <= 0));
  place('next').setAttribute('aria-disabled', String(position() >= state.ranked.length - 1));
}

function drawComing(index) {
  const rows = rowsOf('forecasts', index);
  if (!rows.length) return showEmpty(place('coming'), `No forecast of the cutoff ${day(data.cutoff)} is stored.`);
  const { yhat, yhat_lower: lower, yhat_upper: upper } = data.forecasts;
  const lines = rows.map((row) => [
    weekCell(row),
    quantity(yhat[row]),
    `${quantity(lower[row])} \u2013 ${quantity(upper[row])}`,
    methodCell(row),
  ]);
  const table = smallTable(['Week ending', 'Forecast', INTERVAL, 'Method'], lines);
  return place('coming').replaceChildren(table, freshness(rows[0]), ...reasons(rows));
}

function weekCell(row) {
  const open = data.forecasts.is_open_week[row] ? element('span', { class: 'quiet' }, 'running week') : '';
  return element('span', {}, shortDay(data.weeks[data.forecasts.ds[row]]), open);
}

function methodCell(row) {
  const { method, status } = data.forecasts;
  const reason = status[row] === 'ok' ? '' : element('span', { class: 'quiet' }, STATUSES[status[row]] ?? status[row]);
  return element('span', { title: STATUSES[status[row]] ?? status[row] }, METHODS[method[row]] ?? method[row], reason);
}

function freshness(row) {
  const { data_cutoff: known, model_cutoff: trained } = data.forecasts;
  const late =
    known[row] && known[row] < data.cutoff ? `${sentence(`Sales were known only to ${day(known[row])}`)} ` : '';
  const model = trained[row]
    ? sentence(`Model trained through ${day(trained[row])}`)
    : 'No model: a fallback made these numbers.';
  return element('p', { class: 'hint' }, late + model);
}

/** What each forecast is made of; the parts add up to it before it is limited to zero or above. */
function reasons(rows) {
  const parts = Object.keys(COMPONENTS).filter((part) => rows.some((row) => data.forecasts[part][row]));
  if (!rows.some((row) => data.forecasts.method[row] === 'prophet') || !parts.length) return [];
  const weeks = rows.map((row) => shortDay(data.weeks[data.forecasts.ds[row]]));
  const lines = parts.map((part) => [
    COMPONENTS[part],
    ...rows.map((row) => (part === 'level' ? quantity : signedQuantity)(data.forecasts[part][row])),
  ]);
  const title = element('h3', { class: 'second' }, 'What they are made of');
  return [title, smallTable(['', ...weeks], lines)];
}

// --- Charts ---------------------------------------------------------------------------------------------------------

function drawCharts() {
  drawTrend();
  drawDetail();
}

async function loadPlotly() {
  const packed = Uint8Array.from(atob(place('library').textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  document.head.append(element('script', {}, await new Response(stream).text()));
  window.Plotly.register(ownLocale());
  place('library').remove();
  return window.Plotly;
}

function drawTrend() {
  const weeks = [...state.sums.byWeek.keys()].sort((a, b) => a - b);
  if (!weeks.length) {
    return showEmpty(place('trend'), scoredWeeks.length ? 'Nothing scored for this filter.' : 'No week scored yet.');
  }
  const byWeek = weeks.map((week) => measures(state.sums.byWeek.get(week)));
  const x = weeks.map((week) => data.weeks[week]);
  const baseline = byWeek.map((of) => of.baseline);
  const wape = byWeek.map((of) => of.wape);
  const traces = [
    percentLine('Same week last year', 2, x, baseline, { color: colour('baseline'), width: 2, dash: 'dot' }),
    percentLine('Forecast', 1, x, wape, { color: colour('accent'), width: 2.5 }),
  ];
  const latest = byWeek.at(-1);
  const newest = `${percent(latest.wape)}, same week last year ${percent(latest.baseline)}`;
  return plot('trend', traces, trendLayout(x), `WAPE by week. Week ending ${day(x.at(-1))}: ${newest}.`);
}

function percentLine(name, legendrank, x, y, line) {
  return {
    name,
    legendrank,
    x,
    y,
    line,
    mode: 'lines+markers',
    marker: { size: 5 },
    text: y.map((value) => percent(value)),
    hovertemplate: '%{text}',
  };
}

function trendLayout(weeks) {
  const layout = commonLayout('WAPE, % of sales', '.0%');
  layout.xaxis.range = weekRange(weeks, 8);
  const since = weeksBefore(lastWeek, state.weeks - 1);
  if (state.weeks < availableWeeks()) {
    const [x0, x1] = [daysAfter(since, -3.5), daysAfter(lastWeek, 3.5)];
    layout.shapes = [fullHeight('rect', x0, x1, { layer: 'below', line: { width: 0 }, fillcolor: colour('period') })];
    layout.annotations = [note(daysAfter(lastWeek, 3.5), 'selected weeks')];
  }
  return layout;
}

function drawSeries(index) {
  const known = rowsOf('history', index);
  const coming = rowsOf('forecasts', index);
  const past = rowsOf('scored', index).filter((row) => data.scored.step[row] === 1);
  const last = [...known.map((row) => data.history.ds[row]), ...past.map((row) => data.scored.ds[row])];
  if (!last.length && !coming.length) {
    return showEmpty(place('series'), 'Neither history nor a forecast is stored for this combination.');
  }
  const newest = last.length ? data.weeks[Math.max(...last)] : data.cutoff;
  const since = state.span ? weeksBefore(newest, state.span - 1) : '';
  const within = (table) => (row) => data.weeks[data[table].ds[row]] >= since;
  const shown = known.filter(within('history'));
  const traces = [
    ...promotionTraces(shown),
    ...intervalTraces(coming),
    salesTrace(shown),
    pastTrace(past.filter(within('scored'))),
    comingTrace(coming),
  ].filter((trace) => trace.x.length);
  place('series-hint').textContent = `${sentence(`Dotted line: the cutoff, ${day(data.cutoff)}`)}${gapsText(shown)}`;
  const { combination } = state.ranked[position()];
  return plot(
    'series',
    traces,
    seriesLayout(traces),
    `Sales per week of ${combination.sku}, ${combination.unit}, ${combination.channel}.`,
  );
}

function gapsText(rows) {
  const gap = rows.some((row) => data.history.y[row] === null && data.weeks[data.history.ds[row]] <= data.cutoff);
  return gap ? ' Gaps in the line: sales of the week unknown, for example out of stock.' : '';
}

function weeksAt(table, rows) {
  return rows.map((row) => data.weeks[data[table].ds[row]]);
}

function valuesAt(table, name, rows) {
  return rows.map((row) => data[table][name][row]);
}

function salesTrace(rows) {
  const y = valuesAt('history', 'y', rows);
  const line = { color: colour('actual'), width: 1.75 };
  return {
    ...lineOf('Sales', weeksAt('history', rows), y),
    legendrank: 1,
    mode: 'lines+markers',
    marker: { size: 3 },
    line,
  };
}

function pastTrace(rows) {
  const marker = { size: 8, symbol: 'circle-open', color: colour('accent'), line: { width: 1.75 } };
  const y = valuesAt('scored', 'yhat', rows);
  return {
    ...lineOf('Past forecast, 1 week ahead', weeksAt('scored', rows), y),
    legendrank: 4,
    mode: 'markers',
    marker,
  };
}

function comingTrace(rows) {
  const y = valuesAt('forecasts', 'yhat', rows);
  const line = { color: colour('accent'), width: 2.5 };
  return {
    ...lineOf('Forecast', weeksAt('forecasts', rows), y),
    legendrank: 2,
    mode: 'lines+markers',
    marker: { size: 7 },
    line,
  };
}

function intervalTraces(rows) {
  const x = weeksAt('forecasts', rows);
  const edge = { mode: 'lines', line: { width: 0, color: colour('accent') }, legendgroup: 'interval' };
  const [lower, upper] = ['yhat_lower', 'yhat_upper'].map((name) => valuesAt('forecasts', name, rows));
  return [
    { ...lineOf(`${INTERVAL}, lower end`, x, lower), ...edge, showlegend: false },
    { ...lineOf(INTERVAL, x, upper), ...edge, legendrank: 3, fill: 'tonexty', fillcolor: colour('band') },
  ];
}

/** Full-height bars behind the lines, on an axis of their own. */
function promotionTraces(rows) {
  const promoted = rows.filter((row) => data.history.promo_discount_perc[row] > 0);
  const text = promoted.map((row) => percent(data.history.promo_discount_perc[row] / 100));
  const bars = { type: 'bar', yaxis: 'y2', width: 7 * DAY_MS, marker: { color: colour('promo'), line: { width: 0 } } };
  const y = promoted.map(() => 1);
  return [
    {
      name: 'Promotion',
      legendrank: 5,
      x: weeksAt('history', promoted),
      y,
      text,
      textposition: 'none',
      hovertemplate: '%{text} off',
      ...bars,
    },
  ];
}

function lineOf(name, x, y) {
  return { name, x, y, text: y.map(quantity), hovertemplate: '%{text}', connectgaps: false };
}

function seriesLayout(traces) {
  const layout = commonLayout('Sales per week', ',');
  const weeks = traces.flatMap((trace) => trace.x).sort();
  layout.xaxis.range = weekRange(weeks, 12);
  layout.yaxis.overlaying = 'y2';
  layout.yaxis2 = { range: [0, 1], visible: false, fixedrange: true };
  layout.bargap = 0;
  const cutoff = daysAfter(data.cutoff, 3.5); // between the last known week and the first forecast
  layout.shapes = [fullHeight('line', cutoff, cutoff, { line: { color: colour('edge'), width: 1, dash: 'dot' } })];
  return layout;
}

function commonLayout(title, tickformat) {
  const small = narrow();
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
      spikecolor: colour('edge'),
      spikethickness: 1,
      showgrid: false,
      ticks: 'outside',
      tickcolor: colour('line'),
      tickformat: `${dayMonthFormat()}\n%Y`,
      hoverformat: `${dayMonthFormat()} %Y`,
      nticks: small ? 5 : 12,
    },
    yaxis: {
      ...axis,
      automargin: true,
      title: { text: title, standoff: 10, font: { size: 12.5 } },
      tickformat,
      tickmode: 'auto',
      rangemode: 'tozero',
      nticks: 6,
    },
  };
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

/** Text above a chart that ends at `x`. */
function note(x, text) {
  return {
    x,
    y: 1,
    yref: 'paper',
    xanchor: 'right',
    yanchor: 'bottom',
    showarrow: false,
    text,
    font: { size: 11.5, color: colour('muted') },
  };
}

function plot(id, traces, layout, label) {
  const target = place(id);
  if (chartsRefused) {
    return showEmpty(target, 'This browser cannot draw the charts; the figures on this page are complete.');
  }
  if (!plotly) return showEmpty(target, 'Drawing\u2026', 'pending');
  if (!target.classList.contains('js-plotly-plot')) target.replaceChildren();
  target.setAttribute('role', 'img');
  target.setAttribute('aria-label', label);
  return plotly.react(target, traces, layout, { displayModeBar: false, responsive: true, locale: 'user' });
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
  const number = new Intl.NumberFormat().formatToParts(1234567.8);
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

function partOf(parts, type, otherwise) {
  return parts.find((part) => part.type === type)?.value ?? otherwise;
}

// --- Text, numbers and days in the user's locale --------------------------------------------------------------------

function shown(value, options) {
  return value === null || value === undefined ? '-' : value.toLocaleString(undefined, options);
}

function whole(value) {
  return shown(value, { maximumFractionDigits: 0 });
}

function percent(value, digits = 1) {
  return shown(value, { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function signedPercent(value) {
  return shown(value, {
    style: 'percent',
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
    signDisplay: 'exceptZero',
  });
}

/** Difference of two ratios, in percentage points. */
function points(value) {
  if (value === null) return '-';
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: 'exceptZero' };
  return `${shown(100 * value, digits)}\u00a0pp`;
}

function quantity(value) {
  return shown(value, { maximumFractionDigits: decimals(value) });
}

function signedQuantity(value) {
  return shown(value, { maximumFractionDigits: decimals(value), signDisplay: 'exceptZero' });
}

function decimals(value) {
  const size = Math.abs(value);
  return size >= 100 ? 0 : size >= 1 ? 1 : 2;
}

function dateFormat(options) {
  return new Intl.DateTimeFormat(undefined, { timeZone: 'UTC', ...options });
}

function day(iso) {
  return dateFormat({ dateStyle: 'medium' }).format(new Date(iso));
}

function shortDay(iso) {
  return dateFormat({ day: 'numeric', month: 'short' }).format(new Date(iso));
}

/** Day and month in the order of the user's locale, in the plotting library's notation. */
function dayMonthFormat() {
  const parts = dateFormat({ day: 'numeric', month: 'short' })
    .formatToParts(0)
    .map((part) => part.type);
  return parts.indexOf('month') < parts.indexOf('day') ? '%b %-d' : '%-d %b';
}

/** A date may end in a full stop of its own, as in Russian. */
function sentence(text) {
  return text.endsWith('.') ? text : `${text}.`;
}

function weeksBetween(earlier, later) {
  return Math.round((new Date(later) - new Date(earlier)) / (7 * DAY_MS));
}

function weeksBefore(iso, weeks) {
  return daysAfter(iso, -7 * weeks).slice(0, 10);
}

function daysAfter(iso, days) {
  return new Date(new Date(iso).getTime() + days * DAY_MS).toISOString().slice(0, 19);
}

// --- The document ---------------------------------------------------------------------------------------------------

function place(id) {
  return document.getElementById(id);
}

function control(name) {
  return place('filters').elements[name];
}

/** An element; texts among its children become text nodes, so no name is ever read as markup. */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== '') made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function option(label, value) {
  return element('option', { value: String(value) }, label);
}

function smallTable(headings, lines) {
  const cell = (content, position) =>
    position ? element('td', {}, content) : element('th', { scope: 'row' }, content);
  const head = element('tr', {}, ...headings.map((heading) => element('th', { scope: 'col' }, heading)));
  const body = lines.map((line) => element('tr', {}, ...line.map(cell)));
  const table = element('table', { class: 'small' }, element('thead', {}, head), element('tbody', {}, ...body));
  return element('div', { class: 'scroll' }, table);
}

function showEmpty(target, reason, kind = '') {
  if (target.classList.contains('js-plotly-plot')) plotly.purge(target);
  target.classList.remove('js-plotly-plot');
  target.removeAttribute('role');
  target.removeAttribute('aria-label');
  target.replaceChildren(element('p', { class: `empty ${kind}` }, reason));
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function narrow() {
  return matchMedia('(max-width: 640px)').matches;
}

function calm() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/** Where each combination's rows start in a table's columns; one more entry for the end. */
function startsOf(counts) {
  const positions = [0];
  for (const count of counts) positions.push(positions.at(-1) + count);
  return positions;
}

function rowsOf(table, index) {
  const first = starts[table][index];
  return Array.from({ length: starts[table][index + 1] - first }, (_, offset) => first + offset);
}
