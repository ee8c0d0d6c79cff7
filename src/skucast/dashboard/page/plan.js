// The first screen: what was and will be sold in sum, by unit or channel, against the last run and last year.

const ALL = '*'; // of units or channels
const PAST_SHOWN = 13;
const UNKNOWN_SHARE = 0.1; // where more of the combinations are not known, a sum of the others is no comparison

addSection({ draw: drawPlan, drawCharts: drawTotals });

function drawPlan() {
  const { totals } = data;
  place('plan-empty').hidden = Boolean(totals);
  place('plan-empty').textContent = totals ? '' : t('No forecast is stored yet.');
  for (const id of ['plan-head', 'plan-groups']) place(id).hidden = !totals;
  drawDecisions();
  if (!totals) return;
  const all = groupOf(state.unit || ALL, state.channel || ALL);
  drawHeadline(all);
  drawGroups(all);
}

/** The sums of the cells of a unit and a channel, `*` for all: lists by week, and the intervals that are stored. */
function groupOf(unit, channel) {
  const { cells, weeks } = data.totals;
  const chosen = cells.unit
    .map((_, cell) => cell)
    .filter((cell) => (unit === ALL || cells.unit[cell] === unit) && (channel === ALL || cells.channel[cell] === channel));
  const sum = (name) => weeks.map((_, week) => sumOfKnown(chosen.map((cell) => cells[name][cell][week])));
  const group = { unit, channel, n: sumOfKnown(chosen.map((cell) => cells.n[cell])) ?? 0 };
  for (const name of ['sold', 'unknown', 'last_year', 'last_year_unknown', 'forecast', 'before']) group[name] = sum(name);
  group.intervals = intervalsOf(unit, channel);
  return Object.assign(group, summary(group));
}

function sumOfKnown(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
}

/** The stored intervals of a group by step, 0 = all weeks together. */
function intervalsOf(unit, channel) {
  const { unit: units, channel: channels, step, expected, lower, upper } = data.totals.intervals;
  const rows = step.map((_, row) => row).filter((row) => units[row] === unit && channels[row] === channel);
  return new Map(rows.map((row) => [step[row], { expected: expected[row], lower: lower[row], upper: upper[row] }]));
}

/** The weeks to come, as numbers in the lists of the totals. */
function weeksToCome() {
  return data.totals.weeks
    .map((_, week) => week)
    .filter((week) => data.totals.weeks[week] > data.cutoff && data.totals.cells.forecast.some((line) => line[week] !== null));
}

/** What the table says of a group: its sum over the weeks to come, with its interval, and the changes. */
function summary(group) {
  const coming = weeksToCome();
  const forecast = coming.map((week) => group.forecast[week]);
  const stored = group.intervals.get(0);
  const isWhole = stored && group.forecast.filter((value) => value !== null).length === coming.length;
  const total = isWhole ? stored.expected : sumOfKnown(forecast);
  const shared = coming.filter((week) => group.before[week] !== null && group.forecast[week] !== null);
  const past = data.totals.weeks.map((_, week) => week).filter((week) => data.totals.weeks[week] <= data.cutoff);
  const recent = past.slice(-coming.length).map((week) => group.sold[week]);
  return {
    weeks: coming.map((week) => ({ week, ...weekOf(group, week) })),
    total,
    lower: isWhole ? stored.lower : null,
    upper: isWhole ? stored.upper : null,
    onLastRun: change(sumAt(group.forecast, shared), sumAt(group.before, shared)),
    onLastYear: isComparable(group, coming) ? change(sumOfKnown(forecast), sumAt(group.last_year, coming)) : null,
    onRecent: recent.includes(null) ? null : change(sumOfKnown(forecast), sumOfKnown(recent)),
  };
}

/** The forecast of a week with its interval; its number is that of the stored total, where there is one. */
function weekOf(group, week) {
  const stored = group.intervals.get(weeksBetween(data.origin, data.totals.weeks[week]));
  return stored
    ? { value: stored.expected, lower: stored.lower, upper: stored.upper }
    : { value: group.forecast[week], lower: null, upper: null };
}

function sumAt(values, weeks) {
  return sumOfKnown(weeks.map((week) => values[week]));
}

function change(now, before) {
  return now !== null && before > 0 ? now / before - 1 : null;
}

function isComparable(group, weeks) {
  const unknown = sumAt(group.last_year_unknown, weeks) ?? 0;
  return unknown <= UNKNOWN_SHARE * group.n * weeks.length;
}

// --- The headline and its chart -------------------------------------------------------------------------------------

function groupName({ unit, channel }) {
  return [unit, channel].filter((name) => name !== ALL).join(' · ') || t('All units and channels');
}

/** What the weeks to come are called; by a reader's clock that is past the first of them, no longer the next ones. */
function nextWeeks(n) {
  const first = data.totals?.weeks[weeksToCome()[0]];
  if (data.due && first && businessDay(Date.now(), data.due.time_zone) > first) {
    return tn('{n} week, ending {day}', '{n} weeks, the first ending {day}', n, { day: shortDay(first) });
  }
  return n === 1 ? t('Next week') : tn('Next {n} week', 'Next {n} weeks', n);
}

function drawHeadline(group) {
  const n = group.weeks.length;
  place('plan-of').textContent = groupName(group);
  const figure = (label, value, note = '', tone = '') =>
    element('div', {}, element('dt', {}, label), element('dd', { class: tone }, value, note ? quiet(note) : ''));
  const range = group.lower === null ? '' : t('{interval}: {range}', { interval: INTERVAL, range: interval(group.lower, group.upper) });
  place('plan-figures').replaceChildren(
    ...(n ? [figure(nextWeeks(n), quantity(group.total), range, 'large')] : []),
    figure(t('Against the last run'), signedPercent(group.onLastRun), lastRunNote()),
    figure(t('Against last year'), signedPercent(group.onLastYear), t('same weeks')),
    figure(t('Against the last weeks'), signedPercent(group.onRecent), t('sold in as many weeks')),
  );
  place('plan-hint').textContent = planHint(group);
}

function lastRunNote() {
  const before = data.totals.before_cutoff;
  return before ? t('same weeks, forecast at {day}', { day: shortDay(before) }) : t('no earlier run is known');
}

function planHint(group) {
  const said = [];
  if (state.sku || state.class || state.alerts) said.push(t('Totals follow unit and channel alone, no other filter.'));
  if (group.weeks.length && !group.intervals.size) said.push(t('No interval of sums is stored for this forecast.'));
  const last = data.totals.weeks.indexOf(data.cutoff);
  if (group.unknown[last]) {
    said.push(t('Last week’s sales are not known of {combinations}.', { combinations: counted(group.unknown[last], 'combination') }));
  }
  return said.join(' ');
}

function drawTotals() {
  if (!data.totals) return null;
  const group = groupOf(state.unit || ALL, state.channel || ALL);
  const { weeks } = data.totals;
  const past = weeks.map((_, week) => week).filter((week) => group.sold[week] !== null && weeks[week] <= data.cutoff);
  const at = (list) => list.map((week) => weeks[week]);
  const known = group.last_year.map((_, week) => week).filter((week) => group.last_year[week] !== null);
  const earlier = group.weeks.map(({ week }) => week).filter((week) => group.before[week] !== null);
  const x = at(group.weeks.map(({ week }) => week));
  const bounds = group.weeks.every(({ lower }) => lower !== null);
  const band = { x, at: (name) => group.weeks.map((of) => of[name.replace('yhat_', '')]) };
  const of = (values, list) => list.map((week) => values[week]);
  const traces = [
    ...(bounds ? intervalTraces(band) : []),
    {
      ...lineOf(t('Same week last year'), at(known), of(group.last_year, known)),
      mode: 'lines',
      line: { color: colour('baseline'), width: 1.5, dash: 'dot' },
      legendrank: 4,
    },
    soldTrace(group, past),
    {
      ...lineOf(t('Last run’s forecast'), at(earlier), of(group.before, earlier)),
      mode: 'markers',
      marker: { size: 8, symbol: 'circle-open', color: colour('accent'), line: { width: 1.5 } },
      legendrank: 3,
    },
    {
      ...lineOf(t('Forecast'), x, group.weeks.map(({ value }) => value)),
      marker: { size: 7, color: colour('accent') },
      line: { color: colour('accent'), width: 2.75 },
      legendrank: 2,
    },
  ].filter((trace) => trace.x.length);
  const layout = commonLayout(t('Sales per week'), ',');
  layout.xaxis.range = weekRange(at(weeks.map((_, week) => week)), PAST_SHOWN);
  layout.xaxis.title = {};
  layout.yaxis.rangemode = 'tozero';
  layout.margin.b = 24;
  if (narrow()) layout.legend.font.size = 11;
  const said = [t('Week ending'), ...traces.filter(({ showlegend }) => showlegend !== false).map(({ name }) => name)];
  drawTable('totals-table', said, () =>
    weeks.map((week) => [
      day(week),
      ...traces.filter(({ showlegend }) => showlegend !== false).map(({ x: found, text }) => text[found.indexOf(week)] ?? UNDEFINED),
    ]),
  );
  const label = t('Sales in sum of the last {past} weeks and forecast of the next {coming}: {name}.', {
    past: whole(past.length),
    coming: whole(x.length),
    name: groupName(group),
  });
  return plot('totals', traces, layout, label);
}

function soldTrace(group, past) {
  const line = { color: colour('actual'), width: 1.75 };
  const y = past.map((week) => group.sold[week]);
  const said = past.map((week, position) =>
    group.unknown[week]
      ? t('{sales}; not known of {combinations}', {
          sales: quantity(y[position]),
          combinations: counted(group.unknown[week], 'combination'),
        })
      : quantity(y[position]),
  );
  const symbol = past.map((week) => (group.unknown[week] ? 'circle-open' : 'circle'));
  return {
    ...lineOf(t('Sales'), past.map((week) => data.totals.weeks[week]), y, said),
    marker: { size: 6, symbol, color: line.color },
    line,
    legendrank: 1,
  };
}

// --- The table of units or channels ---------------------------------------------------------------------------------

function drawGroups(all) {
  const { unit, channel } = data.totals.cells;
  const byUnit = state.groupBy === 'unit';
  const inFilter = unit.map((_, cell) => cell).filter((cell) => matchesCell(unit[cell], channel[cell]));
  const names = [...new Set(inFilter.map((cell) => (byUnit ? unit : channel)[cell]))];
  const groups = names
    .map((name) => (byUnit ? groupOf(name, state.channel || ALL) : groupOf(state.unit || ALL, name)))
    .sort((a, b) => (b.total ?? 0) - (a.total ?? 0));
  const shownOnes = groups.slice(0, state.groupRows);
  const table = place('groups');
  table.tHead.replaceChildren(groupsHead(all));
  const lines = [[all, t('Total')], ...shownOnes.map((group) => [group, byUnit ? group.unit : group.channel, byUnit])];
  table.tBodies[0].replaceChildren(...lines.flatMap((line) => [groupLine(...line), ...groupWeeks(line[0])]));
  place('group-weeks').textContent = state.groupWeeks ? t('Hide the single weeks') : t('Show the single weeks');
  place('group-weeks').setAttribute('aria-expanded', String(state.groupWeeks));
  drawMore('more-groups', groups.length - shownOnes.length);
}

/** On a phone the single weeks have no columns: a line of their own below the group, once somebody asks for them. */
function groupWeeks({ weeks }) {
  if (!state.groupWeeks) return [];
  const said = weeks.map(({ week, value }) => {
    return element('span', {}, element('span', { class: 'quiet' }, shortDay(data.totals.weeks[week])), quantity(value));
  });
  return [element('tr', { class: 'weeks-of' }, element('td', { colspan: '4' }, element('div', {}, ...said)))];
}

function toggleGroupWeeks() {
  state.groupWeeks = !state.groupWeeks;
  drawPlan();
}

function groupings() {
  return [
    ['unit', t('Units')],
    ['channel', t('Channels')],
  ];
}

function matchesCell(unit, channel) {
  return (!state.unit || unit === state.unit) && (!state.channel || channel === state.channel);
}

function groupsHead(all) {
  const heading = (text, title = '', kind = '') => element('th', { scope: 'col', title, class: kind }, text);
  return element(
    'tr',
    {},
    heading(state.groupBy === 'unit' ? t('Unit') : t('Channel')),
    heading(nextWeeks(all.weeks.length)),
    heading(t('Last run'), t('Change against the last run’s forecast of the same weeks')),
    heading(t('Last year'), t('Change against last year’s sales of the same weeks')),
    ...all.weeks.map(({ week }) => heading(shortDay(data.totals.weeks[week]), '', 'one-week')),
  );
}

function groupLine(group, name, byUnit) {
  const ends = [quantity(group.lower), '\u00a0\u2013\u00a0', element('wbr', {}), quantity(group.upper)];
  const range = group.lower === null ? '' : element('span', { class: 'quiet' }, ...ends);
  const line = element(
    'tr',
    { class: byUnit === undefined ? 'sum' : '' },
    element('th', { scope: 'row' }, byUnit === undefined ? element('b', {}, name) : groupButton(name, byUnit)),
    element('td', {}, quantity(group.total), ' ', range),
    element('td', {}, signedPercent(group.onLastRun)),
    element('td', {}, signedPercent(group.onLastYear)),
    ...group.weeks.map(({ value, lower, upper }) => element('td', { class: 'one-week', title: interval(lower, upper) }, quantity(value))),
  );
  return line;
}

/** A group as a button that filters by it, and takes the filter off again. */
function groupButton(name, byUnit) {
  const chosen = (byUnit ? state.unit : state.channel) === name;
  const button = element('button', { type: 'button', 'aria-pressed': String(chosen) }, name);
  button.addEventListener('click', () => {
    control(byUnit ? 'unit' : 'channel').value = chosen ? '' : name;
    applyFilter();
  });
  return button;
}

function showMoreGroups() {
  state.groupRows += MORE_ROWS;
  drawPlan();
}
