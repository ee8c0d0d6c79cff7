// The overview: how many combinations are shown, the cards, and what the figures are from.

const EXPECTED_COVERAGE = 0.8;

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
    ? ` ${whole(n('n_left_out'))} more left out: out of stock, sales unknown, no longer sold, or a fallback for a model that failed.`
    : '';
  const fallbacks = n('sum_actual_failed')
    ? ` The fallbacks for failed models, scored apart, were ${percent(n('sum_abs_error_failed') / n('sum_actual_failed'))} off.`
    : '';
  const missing = n('n_unpublished')
    ? ` ${whole(n('n_unpublished'))} were never made: no forecast was published.`
    : '';
  return leftOut + fallbacks + missing;
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
