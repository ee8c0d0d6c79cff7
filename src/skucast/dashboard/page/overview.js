// The overview: how many combinations are shown, the cards, and what the figures are from.

const EXPECTED_COVERAGE = 0.8;

function drawMatched() {
  place('matched').textContent = t('{n} of {all} combinations', { n: whole(state.matching.length), all: whole(combinations.length) });
  place('clear').hidden = !isFiltered();
  drawRolledUp();
}

function drawRolledUp() {
  const n = combinations.filter(({ isDetailed }) => !isDetailed).length;
  const of = { shown: whole(combinations.length - n), n: whole(n) };
  place('rolled-up').hidden = n === 0;
  place('rolled-up').textContent = [
    t('The {shown} combinations that sell most, or have an alert, are shown one by one.', of),
    state.sku || state.alerts
      ? t('The other {n} are left out of the figures while a SKU or only alerts are asked for, and in the forecast with its download.', of)
      : t('The other {n} are in all sums above, and in the forecast with its download.', of),
  ].join(' ');
}

function drawCards() {
  const total = measures(state.sums.total);
  place('unscored').hidden = total.n > 0;
  place('unscored').textContent = whyUnscored();
  place('basis').textContent = total.n ? basis(total) : '';
  place('cards').replaceChildren(
    card(
      t('WAPE'),
      percent(total.wape),
      total.baseline === null ? '' : `${BASELINES[comparedWith()]}: ${percent(total.baseline)}`,
    ),
    card(t('Bias'), signedPercent(total.biasRatio), biasText(total.biasRatio)),
    card(t('Forecast value added'), points(total.fva), fvaText(total.fva), goodAboveZero(total.fva)),
    card(t('Interval coverage'), percent(total.coverage), coverageText(total.coverage), '', coverageBar(total.coverage)),
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
      note || whyUndefined(),
    ),
  );
}

function whyUndefined() {
  if (state.sums.total.n) return t('Not defined: no sales in these weeks');
  return state.matching.length || !combinations.length ? t('Nothing scored') : t('No combination matches the filter');
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
  const made = state.matching.map(({ index }) => rowsOf('forecasts', index));
  const coming = made.map((rows) => rows.filter((row) => !isOver(row)));
  const weeks = new Set(coming.flat().map((row) => data.forecasts.ds[row]));
  if (!weeks.size) return [card(t('Next weeks'), UNDEFINED, whyNothingComes(made.flat().length))];
  return [card(nextWeeks(weeks.size), quantity(sumOf(coming.flat())), comparedWithSales(coming, weeks.size))];
}

function whyNothingComes(nForecasts) {
  if (!state.matching.length && combinations.length) return t('No combination matches the filter');
  return nForecasts ? t('All weeks forecast are over') : t('No forecast is stored');
}

/** Of what is expected, as all totals are: a forecast is the middle of what may be sold, and middles do not add up. */
function sumOf(rows) {
  return rows.reduce((sum, row) => sum + (expectedAt(row) ?? 0), 0);
}

/**
 * The forecast beside the sales of as many weeks before it, of the same combinations where all have their history.
 * A week whose sales are not known counts like the known ones; a combination without any is left out on both sides.
 */
function comparedWithSales(coming, nWeeks) {
  if (state.matching.some(({ isDetailed }) => !isDetailed)) return t('sales forecast');
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
  const of = { change: signedPercent(sold > 0 ? forecast / sold - 1 : null) };
  return isWhole
    ? tn('sales forecast; {change} on the week before', 'sales forecast; {change} on the {n} weeks before', nWeeks, of)
    : tn(
        'sales forecast; {change} on the week before, as far as known',
        'sales forecast; {change} on the {n} weeks before, as far as known',
        nWeeks,
        of,
      );
}

/** The system's alerts are about no combination: they are counted here, and said in the health of the runs. */
function alertsCard() {
  const found = state.matching.map(({ index }) => alertsOf(index)).filter((alerts) => alerts.length);
  const open = found.flat();
  const fresh = open.filter(({ state: of }) => of === 'open').length;
  const quietOnes = open.filter(isAcknowledged).length;
  const system = systemAlerts().length;
  const nobody = state.matching.length ? t('No combination needs attention') : t('No combination matches the filter');
  const said = open.length ? [counted(found.length, 'combination'), t('{n} new in this run', { n: whole(fresh) })] : [nobody];
  if (quietOnes) said.push(t('{n} acknowledged', { n: whole(quietOnes) }));
  if (system) said.push(t('{n} more under run health', { n: whole(system) }));
  return card(t('Open alerts'), whole(open.length), said.join(', '));
}

function whyUnscored() {
  if (!combinations.length) return t('No combination to show: no sales, forecasts or scores were delivered to this page.');
  if (!state.matching.length) return t('No combination matches the filter. Change or clear it.');
  if (scoredWeeks.length) {
    return t('No forecast of this filter was scored in these weeks. Choose more weeks or another filter.');
  }
  const made = data.origin
    ? sentence(t('The newest forecast was made at the cutoff {day}', { day: day(data.origin) }))
    : t('No forecast is stored either.');
  return `${t('No week scored yet: a forecast is scored once the sales of its week are complete.')} ${made}`;
}

function basis(total) {
  const weeks = [...state.sums.weeks].sort((a, b) => a - b).map((week) => data.weeks[week]);
  const period =
    weeks.length === 1
      ? t('week ending {day}', { day: day(weeks[0]) })
      : t('weeks ending {first} to {last}', { first: day(weeks[0]), last: day(weeks.at(-1)) });
  const from = tn('From {n}\u00a0forecast with known sales', 'From {n}\u00a0forecasts with known sales', total.n);
  const text = [from, state.step ? stepText(state.step) : '', period].filter(Boolean).join(', ');
  return [sentence(text), ...leftOutTexts()].join(' ');
}

/** Known for the window of the stored metrics only. */
function leftOutTexts() {
  if (!data.window || state.weeks !== defaultWeeks()) return [];
  const rows = state.matching
    .flatMap(({ index }) => rowsOf('left_out', index))
    .filter((row) => data.left_out.step[row] === state.step);
  const n = (name) => valuesAt('left_out', name, rows).reduce((sum, each) => sum + each, 0);
  const share = percent(ratio(n('sum_abs_error_failed'), n('sum_actual_failed')));
  return [
    n('n_left_out') &&
      t(
        '{n} more left out: out of stock, sales unknown, no longer sold, or a fallback for a model that failed.',
        { n: whole(n('n_left_out')) },
      ),
    n('sum_actual_failed') && t('The fallbacks for failed models, scored apart, were {share} off.', { share }),
    n('n_unpublished') &&
      t('{n} were never made: no forecast was published.', { n: whole(n('n_unpublished')) }),
  ].filter(Boolean);
}

function stepText(step) {
  return tn('{n} week ahead', '{n} weeks ahead', step);
}

function biasText(bias) {
  if (bias === null) return '';
  if (Math.abs(bias) < 0.0005) return t('As much forecast as sold');
  return bias > 0 ? t('More forecast than sold') : t('Less forecast than sold');
}

function coverageText(coverage) {
  if (coverage === null) return '';
  const gap = coverage - EXPECTED_COVERAGE;
  const expected = percent(EXPECTED_COVERAGE, 0);
  if (Math.abs(gap) <= 0.05) return t('{expected} expected: as it should be', { expected });
  return gap < 0
    ? t('{expected} expected: intervals too narrow', { expected })
    : t('{expected} expected: intervals too wide', { expected });
}

function fvaText(fva) {
  if (fva === null) return '';
  const simple = BASELINES[comparedWith()].toLowerCase();
  if (Math.abs(fva) < 0.0005) return t('As good as {simple}', { simple });
  return fva > 0 ? t('Better than {simple}', { simple }) : t('Worse than {simple}', { simple });
}

function goodAboveZero(value) {
  return value === null || Math.abs(value) < 0.0005 ? '' : value > 0 ? 'good' : 'bad';
}
