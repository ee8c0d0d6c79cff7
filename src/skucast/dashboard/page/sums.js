// Sums of errors under the filter, and the ratios of those sums.

const BASELINES = {
  last_year: t('Same week last year'),
  mean_4: t('Mean of the last 4 weeks'),
  last_week: t('Last week'),
};

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
function restRows() {
  if (state.sku || state.alerts) return [];
  const { rest } = data;
  return rest.ds
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

function noSums() {
  return { n: 0, actual: 0, error: 0, absError: 0, covered: 0, baseError: 0, nWeeks: 0, lastWeek: null };
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
  const { y, yhat, covered } = data.scored;
  const error = yhat[row] - y[row];
  const baseError = Math.abs(data.scored[`baseline_${state.baseline}`][row] - y[row]);
  return { n: 1, actual: y[row], error, absError: Math.abs(error), covered: covered[row], baseError };
}

function restRow(row) {
  const { n, actual, error, abs_error: absError, covered } = data.rest;
  const baseError = data.rest[`abs_error_${state.baseline}`][row];
  return {
    n: n[row],
    actual: actual[row],
    error: error[row],
    absError: absError[row],
    covered: covered[row],
    baseError,
  };
}

function add(sums, summands) {
  for (const name of ['n', 'actual', 'error', 'absError', 'covered', 'baseError']) sums[name] += summands[name];
}

/** Ratios of sums; null where undefined. `sales` and `mae` are per week, `missed` is mae times weeks. */
function measures(sums) {
  const wape = ratio(sums.absError, sums.actual);
  const baseline = ratio(sums.baseError, sums.actual);
  const mae = ratio(sums.absError, sums.n);
  return {
    n: sums.n,
    sales: ratio(sums.actual, sums.n),
    mae,
    missed: mae === null ? null : mae * sums.nWeeks,
    wape,
    biasRatio: ratio(sums.error, sums.actual),
    coverage: ratio(sums.covered, sums.n),
    baseline,
    fva: baseline === null ? null : baseline - wape,
  };
}

function ratio(part, base) {
  return base > 0 ? part / base : null;
}
