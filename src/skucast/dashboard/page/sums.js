// Sums of errors under the filter, and the ratios of those sums.

const BEST = 'best'; // of the baselines: the one with the least error, of what is compared
const BASELINES = {
  last_year: t('Same week last year'),
  mean_4: t('Mean of the last 4 weeks'),
  last_week: t('Last week'),
};
const NAIVE = Object.keys(BASELINES);
const SUMMED = ['n', 'actual', 'error', 'absError', 'covered', ...NAIVE];

/** Sums in total and per combination; per step whatever step is chosen, per week whatever weeks are. */
function sumErrors(chosen) {
  const sums = {
    total: noSums(),
    byCombination: new Map(),
    byStep: new Map(),
    byWeek: new Map(), // all chosen steps of a week
    byWeekAndStep: new Map(), // key: step, then week
    weeks: new Set(),
  };
  const since = weeksBefore(lastWeek, state.weeks - 1);
  for (const combination of chosen) {
    const own = noSums();
    for (const row of rowsOf('scored', combination.index)) addTo(sums, own, 'scored', row, scoredRow(row), since);
    sums.byCombination.set(combination, own);
  }
  for (const row of restRows()) addTo(sums, noSums(), 'rest', row, restRow(row), since);
  sums.best = bestOf(sums.total);
  return sums;
}

function addTo(sums, own, table, row, summands, since) {
  const week = data[table].ds[row];
  const step = data[table].step[row];
  const inPeriod = data.weeks[week] >= since;
  const isStep = !state.step || step === state.step;
  if (isStep) add(sumsOf(sums.byWeek, week), summands);
  add(sumsOf(mapOf(sums.byWeekAndStep, step), week), summands);
  if (inPeriod) add(sumsOf(sums.byStep, step), summands);
  if (!isStep || !inPeriod) return;
  add(sums.total, summands);
  add(own, summands);
  sums.weeks.add(week);
  if (own.lastWeek !== week) own.nWeeks += 1; // a combination's rows come week by week
  own.lastWeek = week;
}

/** Rows of the combinations that are only summed up; a part of a SKU or an alert names none of them. */
function restRows(rest = data.rest) {
  if (state.sku || state.alerts) return [];
  return rest.step
    .map((_, row) => row)
    .filter((row) =>
      matchesGroup({
        unit: rest.unit[row],
        channel: rest.channel[row],
        abc: rest.abc_class[row],
        xyz: rest.xyz_class[row],
      }),
    );
}

/** WAPE of the published number at past origins, by step, of what the filter shows and is scored too. */
function backtestWapes() {
  const sums = new Map();
  if (!data.backtests) return sums;
  const addRow = (of, row) => {
    const sum = sums.get(of.step[row]) ?? { actual: 0, absError: 0 };
    sums.set(of.step[row], { actual: sum.actual + of.actual[row], absError: sum.absError + of.abs_error[row] });
  };
  for (const { index } of state.matching) for (const row of rowsOf('backtests', index)) addRow(data.backtests, row);
  for (const row of restRows(data.backtests.rest)) addRow(data.backtests.rest, row);
  return new Map([...sums].map(([step, { actual, absError }]) => [step, ratio(absError, actual)]));
}

function noSums() {
  return { ...Object.fromEntries(SUMMED.map((name) => [name, 0])), nWeeks: 0, lastWeek: null };
}

function sumsOf(map, key) {
  if (!map.has(key)) map.set(key, noSums());
  return map.get(key);
}

function mapOf(map, key) {
  if (!map.has(key)) map.set(key, new Map());
  return map.get(key);
}

function scoredRow(row) {
  const { scored } = data;
  const actual = scored.y[row];
  const error = scored.yhat[row] - actual;
  const summands = { n: 1, actual, error, absError: Math.abs(error), covered: scored.covered[row] };
  for (const name of NAIVE) summands[name] = Math.abs(scored[`baseline_${name}`][row] - actual);
  return summands;
}

function restRow(row) {
  const { n, actual, error, abs_error: absError, covered } = data.rest;
  const summands = { n: n[row], actual: actual[row], error: error[row], absError: absError[row], covered: covered[row] };
  for (const name of NAIVE) summands[name] = data.rest[`abs_error_${name}`][row];
  return summands;
}

function add(sums, summands) {
  for (const name of SUMMED) sums[name] += summands[name];
}

/** The baseline that missed least; the first of those that did equally well. */
function bestOf(sums) {
  return NAIVE.reduce((best, name) => (sums[name] < sums[best] ? name : best));
}

/** The baseline that all figures under the filter are compared with. */
function comparedWith() {
  return state.baseline === BEST ? state.sums.best : state.baseline;
}

/** Ratios of sums; null where undefined. `sales` and `mae` are per week, `missed` is mae times weeks. */
function measures(sums, against = comparedWith()) {
  const wape = ratio(sums.absError, sums.actual);
  const baseline = ratio(sums[against], sums.actual);
  const mae = ratio(sums.absError, sums.n);
  return {
    n: sums.n,
    sales: ratio(sums.actual, sums.n),
    mae,
    missed: mae === null ? null : mae * sums.nWeeks,
    wape,
    biasRatio: ratio(sums.error, sums.actual),
    coverage: ratio(sums.covered, sums.n),
    against,
    baseline,
    fva: baseline === null ? null : baseline - wape,
  };
}

function ratio(part, base) {
  return base > 0 ? part / base : null;
}
