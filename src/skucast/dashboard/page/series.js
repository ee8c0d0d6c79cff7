// One combination's chart: its history with promotions and holidays, and its forecasts by origin.

const SPANS = [
  [26, t('26 weeks')],
  [52, t('52 weeks')],
  [0, t('All')],
];
const INTERVAL = t('{share} interval', { share: percent(EXPECTED_COVERAGE, 0) });

/** Every forecast of a combination that is on the page: by origin (a date), newest first, rows {table, row}. */
function forecastsByOrigin(index) {
  const found = new Map();
  for (const table of ['scored', 'earlier', 'forecasts']) {
    for (const row of rowsOf(table, index)) {
      const origin = data.weeks[data[table].cutoff[row]];
      found.set(origin, [...(found.get(origin) ?? []), { table, row }]);
    }
  }
  for (const rows of found.values()) rows.sort((a, b) => data[a.table].ds[a.row] - data[b.table].ds[b.row]);
  return new Map([...found].sort((a, b) => (a[0] < b[0] ? 1 : -1)));
}

function drawOrigins(index) {
  const origins = [...forecastsByOrigin(index).keys()];
  const labels = origins.map((origin) =>
    option(origin === data.origin ? t('{day} (newest)', { day: day(origin) }) : day(origin), origin),
  );
  place('origin').replaceChildren(...labels);
  place('origin').disabled = origins.length < 2;
  if (!origins.includes(state.origin)) state.origin = origins[0] ?? '';
  place('origin').value = state.origin;
}

function originPoints(rows) {
  return {
    x: rows.map(({ table, row }) => data.weeks[data[table].ds[row]]),
    at: (name) => rows.map(({ table, row }) => data[table][name][row]),
  };
}

function drawSeries(index) {
  const known = rowsOf('history', index);
  const byOrigin = forecastsByOrigin(index);
  if (!known.length && !byOrigin.size) {
    return showEmpty(place('series'), t('Neither history nor a forecast is stored for this combination.'));
  }
  const newest = known.length ? data.weeks[data.history.ds[known.at(-1)]] : data.cutoff;
  const since = state.span ? weeksBefore(newest, state.span - 1) : '';
  const within = (week) => week >= since;
  const rows = known.filter((row) => within(data.weeks[data.history.ds[row]]));
  const chosen = originPoints(byOrigin.get(state.origin) ?? []);
  const traces = [
    ...promotionTraces(index, rows),
    ...intervalTraces(chosen),
    ...earlierTraces(byOrigin, within),
    salesTrace(rows),
    chosenTrace(chosen),
    overrideTrace(byOrigin.get(state.origin) ?? []),
    holidayTrace(rows, chosen.x),
  ].filter((trace) => trace.x.length);
  place('series-hint').textContent = seriesHint(rows);
  drawSeriesTable(rows, chosen);
  const { combination } = state.ranked[position()];
  const label = t('Sales per week of {sku}, {unit}, {channel}, with its forecasts.', combination);
  return plot('series', traces, seriesLayout(traces), label);
}

/** What the chart shows, newest week first. */
function drawSeriesTable(rows, chosen) {
  const headings = [t('Week ending'), t('Sales'), t('Promotion'), t('Holiday'), t('Forecast'), INTERVAL];
  drawTable('series-table', headings, () => {
    const known = new Map(rows.map((row) => [data.weeks[data.history.ds[row]], row]));
    const planned = new Map(
      rowsOf('plan', state.selected).map((row) => [data.weeks[data.plan.ds[row]], promotionText('plan', row)]),
    );
    const holidays = new Map(data.holidays.map(({ week, names }) => [week, names.join(', ')]));
    const column = (name) => chosen.at(name);
    const [yhat, lower, upper] = ['yhat', 'yhat_lower', 'yhat_upper'].map(column);
    const weeks = [...new Set([...known.keys(), ...chosen.x])].sort().reverse();
    return weeks.map((week) => {
      const row = known.get(week);
      const at = chosen.x.indexOf(week);
      const was = row === undefined ? UNDEFINED : promotionText('history', row);
      return [
        day(week),
        quantity(row === undefined ? null : data.history.y[row]),
        planned.get(week) ?? was,
        holidays.get(week) ?? UNDEFINED,
        quantity(at < 0 ? null : yhat[at]),
        at < 0 ? UNDEFINED : interval(lower[at], upper[at]),
      ];
    });
  });
}

function seriesHint(rows) {
  const parts = [];
  if (state.origin) parts.push(sentence(t('Dotted line: where the forecast was made, {day}', { day: day(state.origin) })));
  const gap = rows.some((row) => data.history.y[row] === null && data.weeks[data.history.ds[row]] <= data.cutoff);
  if (gap) parts.push(t('Gaps in the line: sales of the week unknown, for example out of stock.'));
  return parts.join(' ');
}

function salesTrace(rows) {
  const y = valuesAt('history', 'y', rows);
  const line = { color: colour('actual'), width: 1.75 };
  return {
    ...lineOf(t('Sales'), weeksAt('history', rows), y),
    legendrank: 1,
    marker: { size: 3.5, color: line.color },
    line,
  };
}

function chosenTrace({ x, at }) {
  const line = { color: colour('accent'), width: 2.75 };
  return { ...lineOf(t('Forecast'), x, at('yhat')), legendrank: 2, marker: { size: 7, color: line.color }, line };
}

/** What planners have put in the place of the model's number. */
function overrideTrace(rows) {
  const counts = ({ table, row }) => data[table].final?.[row] ?? data[table].yhat[row];
  const { x, at } = originPoints(rows.filter((each) => counts(each) !== data[each.table].yhat[each.row]));
  const marker = { size: 9, symbol: 'diamond', color: colour('promo-line') };
  return { ...lineOf(t('Correction'), x, at('final')), legendrank: 3, mode: 'markers', marker };
}

/** All other origins as thin lines; or only what each said of the next week, as rings. */
function earlierTraces(byOrigin, within) {
  const others = [...byOrigin].filter(([origin]) => origin !== state.origin).reverse();
  if (state.allOrigins) return earlierPaths(others, within);
  const steps = others.flatMap(([, rows]) => rows.filter(({ table, row }) => data[table].step[row] === 1));
  const { x, at } = originPoints(steps.filter(({ table, row }) => within(data.weeks[data[table].ds[row]])));
  const marker = { size: 8, symbol: 'circle-open', color: colour('accent'), line: { width: 1.5 } };
  return [{ ...lineOf(t('Earlier forecasts, 1 week ahead'), x, at('yhat')), legendrank: 4, mode: 'markers', marker }];
}

function earlierPaths(others, within) {
  const line = { color: colour('baseline'), width: 1.25 };
  return others.map(([origin, rows], position) => {
    const { x, at } = originPoints(rows.filter(({ table, row }) => within(data.weeks[data[table].ds[row]])));
    return {
      ...lineOf(t('made {day}', { day: shortDay(origin) }), x, at('yhat')),
      legendrank: 4,
      legendgroup: 'earlier',
      showlegend: position === 0,
      ...(position === 0 ? { name: t('Earlier forecasts') } : {}),
      text: null,
      marker: { size: 3, color: line.color },
      line,
    };
  });
}

function intervalTraces({ x, at }) {
  const edge = { mode: 'lines', line: { width: 0, color: colour('accent') }, legendgroup: 'interval' };
  return [
    { ...lineOf(t('{interval}, lower end', { interval: INTERVAL }), x, at('yhat_lower')), ...edge, showlegend: false },
    {
      ...lineOf(INTERVAL, x, at('yhat_upper')),
      ...edge,
      hoverName: t('{interval}, upper end', { interval: INTERVAL }),
      legendrank: 3,
      fill: 'tonexty',
      fillcolor: colour('band'),
    },
  ];
}

/** Full-height bars behind the lines, on an axis of their own: what was, and what is planned. */
function promotionTraces(index, rows) {
  const was = rows.filter((row) => isPromotion(data.history.promo_discount_perc[row]));
  const planned = rowsOf('plan', index);
  return [
    promotionBars(t('Promotion'), 'history', was, { color: colour('promo'), line: { width: 0 } }),
    promotionBars(t('Promotion planned'), 'plan', planned, {
      color: 'rgba(0, 0, 0, 0)',
      pattern: { shape: '/', fgcolor: colour('promo-line'), size: 6, solidity: 0.25 },
      line: { width: 1, color: colour('promo-line') },
    }),
  ];
}

/** A promotion has a discount, or none that is known. */
function isPromotion(discount) {
  return discount === null || discount > 0;
}

/** A week's promotion as it was typed: how deep, and on how many days of the week. */
function promotionText(table, row) {
  const { promo_discount_perc: discounts, promo_days: days } = data[table];
  if (!isPromotion(discounts[row])) return UNDEFINED;
  if (days[row] >= 7) return depthText(discounts[row]);
  return tn('{depth} on {n} day', '{depth} on {n} days', days[row], { depth: depthText(discounts[row]) });
}

function depthText(discount) {
  return discount === null ? t('depth not known') : percent(discount / 100);
}

function promotionBars(name, table, rows, marker) {
  return {
    type: 'bar',
    name,
    legendrank: 5,
    x: weeksAt(table, rows),
    y: rows.map(() => 1),
    yaxis: 'y2',
    width: 7 * DAY_MS,
    text: rows.map((row) => promotionText(table, row)),
    textposition: 'none',
    marker,
  };
}

/** A mark above each week with a holiday; its names on hovering. */
function holidayTrace(rows, coming) {
  const weeks = new Set([...weeksAt('history', rows), ...coming]);
  const found = data.holidays.filter(({ week }) => weeks.has(week));
  return {
    ...lineOf(
      t('Holiday'),
      found.map(({ week }) => week),
      found.map(() => 0.985),
      found.map(({ names }) => names.join(', ')),
    ),
    legendrank: 6,
    mode: 'markers',
    yaxis: 'y2',
    marker: { symbol: 'triangle-down', size: 9, color: colour('holiday') },
  };
}

function seriesLayout(traces) {
  const layout = commonLayout(t('Sales per week'), ',');
  const weeks = traces.flatMap((trace) => trace.x).sort();
  layout.xaxis.range = weekRange(weeks, 12);
  layout.yaxis.rangemode = 'tozero';
  layout.yaxis.overlaying = 'y2';
  layout.yaxis2 = { range: [0, 1], visible: false, fixedrange: true };
  layout.bargap = 0;
  if (state.origin) {
    const cutoff = daysAfter(state.origin, 3.5); // between the last known week and the first forecast
    layout.shapes = [fullHeight('line', cutoff, cutoff, { line: { color: colour('edge'), width: 1, dash: 'dot' } })];
  }
  return layout;
}
