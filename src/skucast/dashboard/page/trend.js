// The overview's trend by week, and accuracy by weeks ahead.

const MOST_STEP_LINES = 4;
const STEP_SYMBOLS = ['circle', 'square', 'diamond', 'triangle-up'];
const MEASURES = {
  wape: {
    label: t('WAPE'),
    axis: t('WAPE, % of sales'),
    format: percent,
    lead: t('WAPE of each week\u2019s forecasts. Lower is better.'),
  },
  biasRatio: {
    label: t('Bias'),
    axis: t('Bias, % of sales'),
    format: signedPercent,
    lead: t('Forecast minus sales, as a share of sales. Near zero is right.'),
  },
  fva: {
    label: t('FVA'),
    axis: t('FVA, percentage points'),
    format: points,
    lead: t('Above zero: better than the simple forecast compared with.'),
  },
  coverage: {
    label: t('Coverage'),
    axis: t('Inside the interval, %'),
    format: percent,
    lead: t('How often sales fell inside the 80\u00a0% interval.'),
  },
};

function drawTrend() {
  const measure = MEASURES[state.measure];
  place('trend-lead').textContent = measure.lead;
  const weeks = [...state.sums.byWeek.keys()].sort((a, b) => a - b);
  if (!weeks.length) {
    return showEmpty(place('trend'), nothingScored());
  }
  const x = weeks.map((week) => data.weeks[week]);
  const all = weeks.map((week) => measures(state.sums.byWeek.get(week)));
  const traces = [
    ...(isPeriodShown() ? [periodTrace(x)] : []),
    ...stepTraces(weeks, x),
    ...comparisonTraces(all, x),
  ];
  const label = state.step ? sentenceCase(stepText(state.step)) : t('All weeks ahead');
  traces.push(
    trendLine(
      label,
      x,
      all.map((of) => of[state.measure]),
      { color: colour('accent'), width: 2.75 },
      5,
    ),
  );
  const figures = traces.filter(({ text: said }) => said);
  drawTable('trend-table', [t('Week ending'), ...figures.map(({ name }) => name)], () =>
    x.map((week, at) => [day(week), ...figures.map(({ text: said }) => said[at])]).reverse(),
  );
  const latest = measure.format(all.at(-1)[state.measure]);
  return plot(
    'trend',
    traces,
    trendLayout(x, measure),
    t('{measure} by week. Week ending {day}: {latest}.', { measure: measure.label, day: day(x.at(-1)), latest }),
  );
}

function nothingScored() {
  return scoredWeeks.length ? t('Nothing scored for this filter.') : t('No week scored yet.');
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
    const line = trendLine(t('{n} ahead', { n: whole(step) }), x, y, look, 6);
    return { ...line, marker: { ...line.marker, symbol: STEP_SYMBOLS[position] } };
  });
}

function comparisonTraces(all, x) {
  const dotted = { color: colour('baseline'), width: 2, dash: 'dot' };
  if (state.measure === 'wape')
    return [
      trendLine(
        BASELINES[comparedWith()],
        x,
        all.map((of) => of.baseline),
        dotted,
        5,
      ),
    ];
  const expected = state.measure === 'coverage' ? EXPECTED_COVERAGE : 0;
  const name = state.measure === 'coverage' ? t('Expected') : t('Zero');
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
      text: null,
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
  const unseen = { text: null };
  return { ...lineOf(t('Weeks scored'), [x[0]], [null]), ...unseen, mode: 'markers', marker, legendrank: 2000 };
}

function drawBySteps() {
  const steps = [...state.sums.byStep].sort((a, b) => a[0] - b[0]).map(([step, sums]) => [step, measures(sums)]);
  const backtests = backtestWapes();
  place('backtest-note').hidden = !steps.length || !backtests.size;
  if (!steps.length) return showEmpty(place('by-step'), nothingScored());
  const rows = steps.map(([step, of]) => [
    whole(step),
    percent(of.wape),
    ...(backtests.size ? [percent(backtests.get(step) ?? null)] : []),
    signedPercent(of.biasRatio),
    points(of.fva),
    percent(of.coverage, 0),
  ]);
  if (backtests.size) place('backtest-note').textContent = backtestNote();
  const backtest = backtests.size ? [t('Backtest')] : [];
  return place('by-step').replaceChildren(
    smallTable([t('Weeks ahead'), t('WAPE'), ...backtest, t('Bias'), t('FVA'), t('Coverage')], rows),
  );
}

function backtestNote() {
  const trained = { day: day(data.backtests.cutoff) };
  return t('Backtest: WAPE of the same combinations at past weeks, as training at the cutoff {day} has kept it.', trained);
}
