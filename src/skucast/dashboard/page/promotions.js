// The plan of promotions as a calendar, what came of those that are over, last year's that are missing, lift by depth.

const PROMOTIONS_SHOWN = 12;
const promotionsShown = { state: '', rows: PROMOTIONS_SHOWN };

addSection({ draw: drawPromotions, drawCharts: drawLifts });

function drawPromotions() {
  const { promotions } = data;
  const section = place('promotions');
  if (!promotions) return;
  if (section.hidden) beginPromotions(section);
  drawPromotionTable();
  drawNotAgain();
}

function promotionStates() {
  return [
    ['running', t('Running')],
    ['coming', t('Coming')],
    ['past', t('Over')],
  ];
}

/** Once: the switch starts where there is something to see. */
function beginPromotions(section) {
  section.hidden = false;
  const { state: states } = data.promotions.calendar;
  promotionsShown.state = promotionStates().find(([name]) => states.includes(name))?.[0] ?? 'running';
  fillSegments('promotions-of', 'promotions-of', promotionStates(), promotionsShown.state);
  place('promotions-of').addEventListener('change', (event) => {
    Object.assign(promotionsShown, { state: event.target.value, rows: PROMOTIONS_SHOWN });
    drawPromotionTable();
  });
  place('more-promotions').addEventListener('click', () => {
    promotionsShown.rows += MORE_ROWS;
    drawPromotionTable();
  });
}

/** The rows of a table of promotions that the filter leaves; a promotion of all units is one of each. */
function promotionRows(table) {
  const wanted = folded(state.sku);
  const fits = (name, chosen) => !chosen || name === ALL || name === chosen;
  return table.unit
    .map((_, row) => row)
    .filter((row) => fits(table.unit[row], state.unit) && fits(table.channel[row], state.channel))
    .filter((row) => table.SKU_ID[row] === ALL || folded(table.SKU_ID[row]).includes(wanted));
}

function drawPromotionTable() {
  const { calendar } = data.promotions;
  const isOver = promotionsShown.state === 'past';
  const rows = promotionRows(calendar).filter((row) => calendar.state[row] === promotionsShown.state);
  if (isOver) rows.reverse(); // the newest first
  const columns = [...promotionColumns(), ...(isOver ? afterwardsColumns() : expectedColumns())];
  const table = place('promotions-list');
  const shownOnes = rows.slice(0, promotionsShown.rows);
  table.tHead.replaceChildren(element('tr', {}, ...columns.map(({ label, title = '' }) => element('th', { scope: 'col', title }, label))));
  table.tBodies[0].replaceChildren(...shownOnes.map((row) => promotionLine(row, columns)));
  place('promotions-scroll').hidden = !rows.length;
  place('no-promotions').hidden = Boolean(rows.length);
  drawMore('more-promotions', rows.length - shownOnes.length);
  place('promotions-hint').textContent = promotionsHint(rows, isOver);
}

/** Each cell has the heading beside it, for narrow screens show one below the other. */
function promotionLine(row, columns) {
  return element(
    'tr',
    {},
    ...columns.map(({ label, of }, position) =>
      position ? element('td', { 'data-label': label }, ...[of(row)].flat()) : element('th', { scope: 'row' }, ...[of(row)].flat()),
    ),
  );
}

function promotionColumns() {
  const { calendar } = data.promotions;
  return [
    { label: t('SKU'), of: (row) => [promotedName(calendar.SKU_ID[row], t('all')), quiet(groupOfPromotion(row))] },
    { label: t('Days'), of: (row) => `${shortDay(calendar.starts_on[row])}\u00a0\u2013\u00a0${shortDay(calendar.ends_on[row])}` },
    {
      label: t('Discount'),
      of: (row) => [depthTyped(calendar.discount_perc[row]), calendar.promo_type[row] ? quiet(calendar.promo_type[row]) : ''],
    },
  ];
}

function promotedName(name, all) {
  return name === ALL ? all : name;
}

function groupOfPromotion(row) {
  const { calendar } = data.promotions;
  const names = [promotedName(calendar.unit[row], t('all units')), promotedName(calendar.channel[row], t('all channels'))];
  return names.join(' \u00b7 ');
}

/** As the planner typed it: 20 % and 12.5 %. */
function depthTyped(discount) {
  return discount === null ? t('depth not known') : shown(discount / 100, { style: 'percent', maximumFractionDigits: 2 });
}

function expectedColumns() {
  const { calendar } = data.promotions;
  return [
    {
      label: t('Expected uplift'),
      title: t('The part of the forecast that is there because of the promotion'),
      of: (row) => [signedQuantity(calendar.uplift[row]), quiet(upliftShare(calendar.uplift[row], calendar.without[row]))],
    },
    { label: t('Weeks forecast'), of: (row) => t('{n} of {all}', { n: whole(calendar.n_forecast[row]), all: whole(calendar.n_weeks[row]) }) },
    { label: t('Known since'), of: (row) => shortDay(calendar.known_from[row]) },
  ];
}

function upliftShare(uplift, without) {
  return uplift === null || !(without > 0) ? '' : signedPercent(uplift / without);
}

function afterwardsColumns() {
  const { calendar } = data.promotions;
  return [
    { label: t('Uplift forecast'), of: (row) => signedQuantity(calendar.forecast[row]) },
    {
      label: t('Uplift realised'),
      title: t('Sold, less the forecast made before the promotion, without its part of the promotion'),
      of: (row) => [signedQuantity(calendar.realised[row]), judgedNote(row)],
    },
    {
      label: t('Weeks after'),
      title: t('Sold in the two weeks after, less the same forecast: fewer were needed where it is below zero'),
      of: (row) => signedQuantity(calendar.dip[row]),
    },
  ];
}

/** Where not all of its weeks could be judged. */
function judgedNote(row) {
  const { n_judged: judged, n_rows: all } = data.promotions.calendar;
  return judged[row] === all[row] ? '' : quiet(t('{n} of {all} weeks', { n: whole(judged[row]), all: whole(all[row]) }));
}

function promotionsHint(rows, isOver) {
  const { calendar, left_out: leftOut } = data.promotions;
  const said = [];
  const sum = (name) => sumOfKnown(rows.map((row) => calendar[name][row]));
  if (rows.length && isOver && sum('realised') !== null) {
    const numbers = { forecast: signedQuantity(sum('forecast')), realised: signedQuantity(sum('realised')) };
    said.push(t('In sum: {forecast} forecast, {realised} realised.', numbers));
  }
  if (rows.length && !isOver && sum('uplift') !== null) {
    said.push(t('In sum: {uplift} expected in the weeks that are forecast.', { uplift: signedQuantity(sum('uplift')) }));
  }
  if (leftOut) said.push(tn('{n} more promotion is over and not shown.', '{n} more promotions are over and not shown.', leftOut));
  return said.join(' ');
}

// --- Last year's ----------------------------------------------------------------------------------------------------

function drawNotAgain() {
  const { not_again: missing } = data.promotions;
  const rows = promotionRows(missing);
  const details = place('not-again');
  details.hidden = !rows.length;
  details.firstElementChild.textContent = t('Promoted at this time last year, not planned now: {n}', { n: whole(rows.length) });
  drawTable('not-again', [t('SKU'), t('Unit'), t('Channel'), t('Week ending, last year'), t('Discount'), t('Days')], () =>
    rows.map((row) => [
      missing.SKU_ID[row],
      missing.unit[row],
      missing.channel[row],
      day(missing.last_year_from[row]),
      depthTyped(missing.depth[row]),
      whole(missing.days[row]),
    ]),
  );
}

// --- Lift by depth --------------------------------------------------------------------------------------------------

/** All, the unit and channel of the filter, and the combination's article that is chosen. */
function liftGroups() {
  const chosen = state.selected === null ? null : combinations[state.selected];
  return [
    ['all', '', t('All')],
    ...(state.unit ? [['unit', state.unit, state.unit]] : []),
    ...(state.channel ? [['channel', state.channel, state.channel]] : []),
    ...(chosen ? [['SKU_ID', chosen.sku, chosen.sku]] : []),
  ];
}

function drawLifts() {
  const { lifts } = data.promotions ?? {};
  if (!lifts) return null;
  place('lifts-panel').hidden = !lifts.by.length;
  const looks = ['accent', 'actual', 'promo-line', 'baseline'];
  const traces = liftGroups()
    .map(([by, name, label], number) => {
      const rows = lifts.by.map((_, row) => row).filter((row) => lifts.by[row] === by && lifts.name[row] === name);
      const at = (column) => rows.map((row) => lifts[column][row]);
      const text = rows.map((row) =>
        t('{name}: {lift} at {depth}, from {weeks}', {
          name: label,
          lift: signedPercent(lifts.lift[row] - 1),
          depth: depthTyped(lifts.depth[row]),
          weeks: counted(lifts.n[row], 'week'),
        }),
      );
      const color = colour(looks[number]);
      const size = at('n').map((n) => 5 + Math.min(Math.sqrt(n), 8));
      const trace = lineOf(label, at('depth').map((depth) => depth / 100), at('lift').map((lift) => lift - 1), text);
      return { ...trace, marker: { color, size }, line: { color, width: 1.75 } };
    })
    .filter((trace) => trace.x.length);
  if (!traces.length) return null;
  drawTable('lifts-table', [t('Promotions'), t('Discount'), t('Sold more'), t('Weeks on promotion')], () => liftLines(lifts));
  const layout = commonLayout(t('Sold more than usual'), '.0%');
  layout.hovermode = 'closest';
  layout.yaxis.rangemode = 'tozero';
  layout.xaxis = { ...layout.xaxis, type: 'linear', tickformat: '.0%', title: { text: t('Discount'), standoff: 8, font: { size: 12.5 } } };
  return plot('lifts', traces, layout, t('How much more was sold than usual, by discount.'));
}

function liftLines(lifts) {
  return liftGroups().flatMap(([by, name, label]) =>
    lifts.by
      .map((_, row) => row)
      .filter((row) => lifts.by[row] === by && lifts.name[row] === name)
      .map((row) => [label, depthTyped(lifts.depth[row]), signedPercent(lifts.lift[row] - 1), whole(lifts.n[row])]),
  );
}
