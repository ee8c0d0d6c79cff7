// The overview: cards, the trend, accuracy by weeks ahead, and whether the runs did what they should.

const EXPECTED_COVERAGE = 0.8;
const MOST_STEP_LINES = 4;
const FAILED_STATUSES = ['load_failed', 'forecast_failed'];
const JOBS = {
  predict: 'Forecast',
  monitor: 'Monitoring',
  train: 'Training, all',
  retrain: 'Retraining',
  load: 'Loading of sales',
  promotions: 'Promotions plan',
  rollback: 'Rollback',
  alerts: 'Acknowledgement',
};
const MEASURES = {
  wape: {
    label: 'WAPE',
    axis: 'WAPE, % of sales',
    format: percent,
    lead: 'WAPE of each week\u2019s forecasts. Lower is better.',
  },
  biasRatio: {
    label: 'Bias',
    axis: 'Bias, % of sales',
    format: signedPercent,
    lead: 'Forecast minus sales, as a share of sales. Near zero is right.',
  },
  fva: {
    label: 'FVA',
    axis: 'FVA, percentage points',
    format: points,
    lead: 'Above zero: better than the simple forecast compared with.',
  },
  coverage: {
    label: 'Coverage',
    axis: 'Inside the interval, %',
    format: percent,
    lead: 'How often sales fell inside the 80\u00a0% interval.',
  },
};

// --- Cards ----------------------------------------------------------------------------------------------------------

function drawMatched() {
  place('matched').textContent = `${whole(state.matching.length)} of ${whole(combinations.length)} combinations`;
  place('clear').hidden = !isFiltered();
  drawRolledUp();
}

function drawRolledUp() {
  const n = combinations.filter(({ isDetailed }) => !isDetailed).length;
  const hidden =
    state.sku || state.alerts
      ? 'left out of the figures while a SKU or only alerts are asked for'
      : 'in all sums above';
  place('rolled-up').hidden = n === 0;
  place('rolled-up').textContent =
    `The ${whole(combinations.length - n)} combinations that sell most, or have an alert, are shown one by one. ` +
    `The other ${whole(n)} are ${hidden}, and in the forecast with its download.`;
}

function drawCards() {
  const total = measures(state.sums.total);
  place('unscored').hidden = total.n > 0;
  place('unscored').textContent = whyUnscored();
  place('basis').textContent = total.n ? basis(total) : '';
  place('cards').replaceChildren(
    card(
      'WAPE',
      percent(total.wape),
      total.baseline === null ? '' : `${BASELINES[state.baseline]}: ${percent(total.baseline)}`,
    ),
    card('Bias', signedPercent(total.biasRatio), biasText(total.biasRatio)),
    card('Forecast value added', points(total.fva), fvaText(total.fva), goodAboveZero(total.fva)),
    card('Interval coverage', percent(total.coverage), coverageText(total.coverage), '', coverageBar(total.coverage)),
    ...comingCard(),
    alertsCard(),
  );
}

function card(label, value, note, tone = '', extra = '') {
  return element(
    'div',
    {},
    element('dt', {}, label),
    element('dd', { class: `value ${value === UNDEFINED ? '' : tone}` }, value),
    ...(extra ? [element('dd', {}, extra)] : []),
    element(
      'dd',
      { class: 'note' },
      note || (state.sums.total.n ? 'Not defined: no sales in these weeks' : 'Nothing scored'),
    ),
  );
}

/** The part that is covered, with a mark where it should end. */
function coverageBar(coverage) {
  if (coverage === null) return '';
  const bar = element('i', { class: 'target', 'aria-hidden': 'true' });
  bar.style.setProperty('--part', `${100 * coverage}%`);
  bar.style.setProperty('--target', `${100 * EXPECTED_COVERAGE}%`);
  return bar;
}

function comingCard() {
  const coming = state.matching.map(({ index }) => rowsOf('forecasts', index).filter((row) => !isOver(row)));
  const weeks = new Set(coming.flat().map((row) => data.forecasts.ds[row]));
  if (!weeks.size) {
    return [card('Next weeks', UNDEFINED, data.origin ? 'All weeks forecast are over' : 'No forecast is stored')];
  }
  const span = weeks.size === 1 ? 'Next week' : `Next ${whole(weeks.size)} weeks`;
  return [card(span, quantity(sumOf(coming.flat())), comparedWithSales(coming, weeks.size))];
}

function sumOf(rows) {
  return rows.reduce((sum, row) => sum + (data.forecasts.yhat[row] ?? 0), 0);
}

/**
 * The forecast beside the sales of as many weeks before it, of the same combinations where all have their history.
 * A week whose sales are not known counts like the known ones; a combination without any is left out on both sides.
 */
function comparedWithSales(coming, nWeeks) {
  if (state.matching.some(({ isDetailed }) => !isDetailed)) return 'sales forecast';
  const before = Array.from({ length: nWeeks }, (_, back) => weeksBefore(data.cutoff, back));
  let [sold, forecast, isWhole] = [0, 0, true];
  for (const [position, { index }] of state.matching.entries()) {
    const rows = rowsOf('history', index).filter((row) => before.includes(data.weeks[data.history.ds[row]]));
    const known = valuesAt('history', 'y', rows).filter((y) => y !== null);
    isWhole &&= known.length === nWeeks || !coming[position].length;
    if (!known.length) continue;
    sold += (nWeeks * known.reduce((sum, y) => sum + y, 0)) / known.length;
    forecast += sumOf(coming[position]);
  }
  const change = sold > 0 ? forecast / sold - 1 : null;
  const span = nWeeks === 1 ? 'week' : `${whole(nWeeks)} weeks`;
  return `sales forecast; ${signedPercent(change)} on the ${span} before${isWhole ? '' : ', as far as known'}`;
}

/** The system's alerts are about no combination: they are counted here, and said in the health of the runs. */
function alertsCard() {
  const found = state.matching.map(({ index }) => alertsOf(index)).filter((alerts) => alerts.length);
  const open = found.flat();
  const fresh = open.filter(({ state: of }) => of === 'open').length;
  const quietOnes = open.filter(isAcknowledged).length;
  const system = systemAlerts().length;
  const said = open.length
    ? [counted(found.length, 'combination'), `${whole(fresh)} new in this run`]
    : ['No combination needs attention'];
  if (quietOnes) said.push(`${whole(quietOnes)} acknowledged`);
  if (system) said.push(`${whole(system)} more under run health`);
  return card('Open alerts', whole(open.length), said.join(', '));
}

function whyUnscored() {
  if (!combinations.length) return 'No combination to show: no sales, forecasts or scores were delivered to this page.';
  if (!state.matching.length) return 'No combination matches the filter. Change or clear it.';
  if (scoredWeeks.length) {
    return 'No forecast of this filter was scored in these weeks. Choose more weeks or another filter.';
  }
  const made = data.origin
    ? sentence(`The newest forecast was made at the cutoff ${day(data.origin)}`)
    : 'No forecast is stored either.';
  return `No week scored yet: a forecast is scored once the sales of its week are complete. ${made}`;
}

function basis(total) {
  const weeks = [...state.sums.weeks].sort((a, b) => a - b).map((week) => data.weeks[week]);
  const period =
    weeks.length === 1 ? `week ending ${day(weeks[0])}` : `weeks ending ${day(weeks[0])} to ${day(weeks.at(-1))}`;
  const steps = state.step ? `, ${stepText(state.step)}` : '';
  const text = sentence(`From ${counted(total.n, 'forecast')} with known sales${steps}, ${period}`);
  return `${text}${leftOutText()}`;
}

/** Known for the window of the stored metrics only. */
function leftOutText() {
  if (!data.window || state.weeks !== defaultWeeks()) return '';
  const rows = state.matching
    .flatMap(({ index }) => rowsOf('left_out', index))
    .filter((row) => data.left_out.step[row] === state.step);
  const n = (name) => valuesAt('left_out', name, rows).reduce((sum, each) => sum + each, 0);
  const leftOut = n('n_left_out')
    ? ` ${whole(n('n_left_out'))} more left out: out of stock, sales unknown, or a fallback for a model that failed.`
    : '';
  return n('n_unpublished') ? `${leftOut} ${whole(n('n_unpublished'))} were never made: no forecast was published.` : leftOut;
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
  const simple = BASELINES[state.baseline].toLowerCase();
  if (Math.abs(fva) < 0.0005) return `As good as ${simple}`;
  return `${fva > 0 ? 'Better' : 'Worse'} than ${simple}`;
}

function goodAboveZero(value) {
  return value === null || Math.abs(value) < 0.0005 ? '' : value > 0 ? 'good' : 'bad';
}

// --- Trend and steps ------------------------------------------------------------------------------------------------

function drawTrend() {
  const measure = MEASURES[state.measure];
  place('trend-lead').textContent = measure.lead;
  const weeks = [...state.sums.byWeek.keys()].sort((a, b) => a - b);
  if (!weeks.length) {
    return showEmpty(place('trend'), scoredWeeks.length ? 'Nothing scored for this filter.' : 'No week scored yet.');
  }
  const x = weeks.map((week) => data.weeks[week]);
  const all = weeks.map((week) => measures(state.sums.byWeek.get(week)));
  const traces = [
    ...(isPeriodShown() ? [periodTrace(x)] : []),
    ...stepTraces(weeks, x),
    ...comparisonTraces(all, x),
  ];
  const label = state.step ? sentenceCase(stepText(state.step)) : 'All weeks ahead';
  traces.push(
    trendLine(
      label,
      x,
      all.map((of) => of[state.measure]),
      { color: colour('accent'), width: 2.75 },
      5,
    ),
  );
  const figures = traces.filter(({ hovertemplate }) => hovertemplate);
  drawTable('trend-table', ['Week ending', ...figures.map(({ name }) => name)], () =>
    x.map((week, at) => [day(week), ...figures.map(({ text: said }) => said[at])]).reverse(),
  );
  const latest = measure.format(all.at(-1)[state.measure]);
  return plot(
    'trend',
    traces,
    trendLayout(x, measure),
    `${measure.label} by week. Week ending ${day(x.at(-1))}: ${latest}.`,
  );
}

/** One thin line per step, at most a few, where steps are pooled. */
function stepTraces(weeks, x) {
  if (state.step || scoredSteps.length < 2 || narrow()) return [];
  const every = Math.ceil(scoredSteps.length / MOST_STEP_LINES);
  const steps = scoredSteps.filter((_, position) => position % every === 0);
  return steps.map((step, position) => {
    const of = state.sums.byWeekAndStep.get(step) ?? new Map();
    const y = weeks.map((week) => (of.has(week) ? measures(of.get(week))[state.measure] : null));
    const look = { color: colour(`step-${position + 1}`), width: 1.25 };
    return trendLine(`${whole(step)} ahead`, x, y, look, 3);
  });
}

function comparisonTraces(all, x) {
  const dotted = { color: colour('baseline'), width: 2, dash: 'dot' };
  if (state.measure === 'wape')
    return [
      trendLine(
        BASELINES[state.baseline],
        x,
        all.map((of) => of.baseline),
        dotted,
        5,
      ),
    ];
  const expected = state.measure === 'coverage' ? EXPECTED_COVERAGE : 0;
  const name = state.measure === 'coverage' ? 'Expected' : 'Zero';
  return [
    {
      ...trendLine(
        name,
        x,
        x.map(() => expected),
        dotted,
        5,
      ),
      mode: 'lines',
      hoverinfo: 'skip',
      hovertemplate: null,
    },
  ];
}

function trendLine(name, x, y, line, size) {
  const text = y.map((value) => MEASURES[state.measure].format(value));
  return { ...lineOf(name, x, y, text), line, marker: { size, color: line.color } };
}

function trendLayout(weeks, measure) {
  const layout = commonLayout(measure.axis, state.measure === 'fva' ? '+.0%' : '.0%');
  layout.xaxis.range = weekRange(weeks, 8);
  if (state.measure !== 'coverage') layout.yaxis.rangemode = 'tozero';
  const since = weeksBefore(lastWeek, state.weeks - 1);
  if (isPeriodShown()) {
    const [x0, x1] = [daysAfter(since, -3.5), daysAfter(lastWeek, 3.5)];
    layout.shapes = [fullHeight('rect', x0, x1, { layer: 'below', line: { width: 0 }, fillcolor: colour('period') })];
  }
  return layout;
}

function isPeriodShown() {
  return state.weeks < availableWeeks();
}

/** The legend's entry for the shaded weeks. */
function periodTrace(x) {
  const marker = { symbol: 'square', size: 12, color: colour('period'), line: { width: 1, color: colour('edge') } };
  const unseen = { hoverinfo: 'skip', hovertemplate: null };
  return { ...lineOf('Weeks scored', [x[0]], [null]), ...unseen, mode: 'markers', marker, legendrank: 2000 };
}

function drawBySteps() {
  const steps = [...state.sums.byStep].sort((a, b) => a[0] - b[0]).map(([step, sums]) => [step, measures(sums)]);
  if (!steps.length) return showEmpty(place('by-step'), 'No week scored yet.');
  const rows = steps.map(([step, of]) => [
    whole(step),
    percent(of.wape),
    signedPercent(of.biasRatio),
    points(of.fva),
    percent(of.coverage, 0),
  ]);
  return place('by-step').replaceChildren(smallTable(['Weeks ahead', 'WAPE', 'Bias', 'FVA', 'Coverage'], rows));
}

// --- Run health: of all combinations, whatever the filter -----------------------------------------------------------

function drawHealth() {
  place('checks').replaceChildren(...healthChecks());
  place('runs').replaceChildren(runsTable());
}

/** What each rule of the system is about: its alert where it is broken, else how it stands. */
function healthChecks() {
  const open = systemAlerts();
  const standing = {
    no_run: originCheck,
    sales_late: salesCheck,
    forecast_coverage: forecastCheck,
    failures: madeByCheck,
    promo_plan: planCheck,
  };
  const broken = open.map((alert) => check('bad', sentenceCase(sentence(alert.message)), namedAlert(alert)));
  const kept = Object.entries(standing).filter(([rule]) => !open.some((alert) => alert.rule === rule));
  return [...broken, ...kept.map(([, stands]) => stands()), agesCheck()].filter(Boolean);
}

/** One line with a sign that colour only underlines. */
function check(kind, text, more = '') {
  const [sign, word] = { good: ['\u2713', 'Good'], bad: ['!', 'Problem'], plain: ['\u2022', 'Note'] }[kind];
  const mark = element('span', { class: `mark ${kind}`, role: 'img', 'aria-label': word }, sign);
  return element('li', {}, mark, element('span', {}, text, ...(more ? [quiet(more)] : [])));
}

function originCheck() {
  if (!data.origin) return check('bad', 'No forecast is stored.');
  const age = weeksBetween(data.origin, data.cutoff);
  const made = `The newest forecast was made at the cutoff ${day(data.origin)}`;
  return age > 0
    ? check('bad', `${made}, ${counted(age, 'week')} before this run\u2019s.`)
    : check('good', sentence(made));
}

function salesCheck() {
  const known = data.history.ds.filter((_, row) => data.history.y[row] !== null);
  if (!known.length) return null;
  const latest = data.weeks[known.reduce((a, b) => Math.max(a, b))];
  const text = `The last week with known sales ended on ${day(latest)}`;
  const late = weeksBetween(latest, data.cutoff);
  return late > 0
    ? check('bad', `${text}, ${counted(late, 'week')} before this run\u2019s cutoff.`)
    : check('good', sentence(text));
}

function forecastCheck() {
  if (!data.origin) return null;
  const forecast = combinations.filter(({ index }) => rowsOf('forecasts', index).length > 0).length;
  const missing = combinations.length - forecast;
  const text = `${counted(forecast, 'combination')} ${forecast === 1 ? 'is' : 'are'} forecast.`;
  return check(
    'good',
    text,
    missing ? `${whole(missing)} more on this page ${missing === 1 ? 'has' : 'have'} a history alone` : '',
  );
}

function madeByCheck() {
  const counts = new Map();
  for (const { index } of combinations) {
    const row = rowOf('forecasts', index);
    if (row >= 0) counts.set(data.forecasts.status[row], (counts.get(data.forecasts.status[row]) ?? 0) + 1);
  }
  if (!counts.size) return null;
  const failed = FAILED_STATUSES.some((status) => counts.has(status));
  const parts = [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([status, n]) => `${whole(n)} ${STATUSES[status] ?? status}`);
  return check(failed ? 'plain' : 'good', 'How the forecasts were made', parts.join(', '));
}

function planCheck() {
  const { promo_source: source, status } = data.forecasts;
  const rows = source.map((_, row) => row).filter((row) => status[row] !== 'inactive');
  if (!rows.length) return null;
  const covered = rows.filter((row) => source[row] !== 'expected').length;
  const planned = rows.filter((row) => source[row] === 'planned').length;
  const text = `The promotions plan covers ${percent(covered / rows.length)} of the weeks forecast.`;
  return check(covered ? 'good' : 'plain', text, `${percent(planned / rows.length)} have a planned promotion`);
}

function agesCheck() {
  const cutoffs = [...new Set(data.forecasts.model_cutoff.filter(Boolean))].sort();
  if (!cutoffs.length) return null;
  const [oldest, youngest] = [cutoffs[0], cutoffs.at(-1)].map((cutoff) => weeksBetween(cutoff, data.cutoff));
  const text = oldest === youngest ? counted(oldest, 'week') : `${whole(youngest)} to ${counted(oldest, 'week')}`;
  return check('plain', `The models were trained ${text} before this run\u2019s cutoff.`);
}

function runsTable() {
  if (!data.runs.length) return element('p', { class: 'empty' }, 'No earlier run is recorded.');
  const newest = new Map();
  for (const run of data.runs) newest.set(run.job, [...(newest.get(run.job) ?? []), run]);
  const order = Object.keys(JOBS);
  const jobs = [...newest].sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
  const rows = jobs.map(([job, runs]) => [
    jobCell(job, runs),
    moment(runs[0].run_at),
    runResult(runs[0]),
    duration(runs[0].seconds),
  ]);
  return smallTable(['Job', 'Last run', 'Result', 'Took'], rows);
}

function jobCell(job, runs) {
  const failures = runs.filter((run) => run.exit_code !== 0).length;
  return element('span', {}, JOBS[job] ?? job, quiet(`${counted(runs.length, 'run')}, ${whole(failures)} failed`));
}

function runResult({ exit_code: code, error, n_failed: nFailed }) {
  const mark = element('span', { class: `word ${code ? 'bad' : 'good'}` }, code ? `failed (${code})` : 'done');
  const more = [error, nFailed ? `${counted(nFailed, 'combination')} failed` : ''].filter(Boolean);
  return element('span', { title: error }, mark, ...more.map(quiet));
}
