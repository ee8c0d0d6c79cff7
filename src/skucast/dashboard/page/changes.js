// Why the forecast is not what the run before it said, or what a further run of the same week changed: a bridge from
// number to number, and what moved most.

const FIRST_MOVERS = 6;
const WHOLE_BRIDGE = -1; // stands for all weeks that both runs forecast
const LEAST_PART = 0.02; // of the largest part: what is smaller stands under "other"

/** What each part is called on the page. */
const PART_NAMES = {
  data_restated: () => t('Sales corrected'),
  new_sales: () => t('Last week’s sales'),
  level_and_trend: () => t('Level and trend'),
  season: () => t('Time of the year'),
  holidays: () => t('Holidays'),
  promotions: () => t('Usual promotions'),
  weather: () => t('Weather'),
  regressors: () => t('Price and the like'),
  bounds: () => t('Middle to mean'),
  plan: () => t('Plan changed'),
  model: () => t('Models renewed'),
  panel: () => t('Panel retrained'),
  blend: () => t('Weights of the models'),
  model_and_data: () => t('New model and sales'),
  other_method: () => t('Made in another way'),
  new_articles: () => t('New articles'),
  gone_articles: () => t('Articles that are gone'),
  override: () => t('Corrections'),
};

/** `all` can be explained: the change since the week before, and what each further run of this week changed. */
const bridge = { all: [], told: null, week: WHOLE_BRIDGE, isOfOne: false, rows: FIRST_MOVERS, isFilled: false };

addSection({ draw: drawChanges, drawCharts: drawBridge });

function drawChanges() {
  if (!bridge.isFilled) fillChanges();
  place('changes').hidden = !bridge.told;
  if (!bridge.told) return;
  bridge.rows = FIRST_MOVERS;
  drawMovers();
}

function fillChanges() {
  bridge.isFilled = true;
  bridge.all = [data.changes, ...data.revisions].filter(Boolean);
  if (!bridge.all.length) return;
  chooseBridge(bridge.all[0]);
  place('bridge-run').hidden = bridge.all.length < 2;
  fillSegments('bridge-run', 'bridge-run', bridge.all.map((told, number) => [number, bridgeName(told)]), 0);
  fillSegments(
    'bridge-of',
    'bridge-of',
    [
      ['sum', t('Total')],
      ['one', t('Combination')],
    ],
    'sum',
  );
  place('bridge-run').addEventListener('change', (event) => {
    chooseBridge(bridge.all[event.target.value]);
    changeBridge({});
  });
  place('bridge-week').addEventListener('change', (event) => changeBridge({ week: Number(event.target.value) }));
  place('bridge-of').addEventListener('change', (event) => changeBridge({ isOfOne: event.target.value === 'one' }));
  place('more-movers').addEventListener('click', showMoreMovers);
}

function fillBridgeWeeks() {
  const { weeks } = bridge.told;
  const choices = [[WHOLE_BRIDGE, t('All weeks')], ...weeks.map((week, number) => [number, shortDay(week)])];
  place('bridge-week').replaceChildren();
  fillSegments('bridge-week', 'bridge-week', choices, bridge.week);
}

function bridgeName({ made_at: madeAt }) {
  return madeAt ? t('Run of {made}', { made: moment(madeAt) }) : t('Since last week');
}

/** The weeks of another bridge are others. */
function chooseBridge(told) {
  Object.assign(bridge, { told, week: WHOLE_BRIDGE, rows: FIRST_MOVERS });
  fillBridgeWeeks();
}

function changeBridge(change) {
  Object.assign(bridge, change);
  drawMovers();
  drawBridge();
}

// --- The bridge -----------------------------------------------------------------------------------------------------

/** Both ends and the parts of the rows that fit, added up; null without any. */
function bridgeOf(table, fits) {
  const rows = table.week.map((_, row) => row).filter(fits);
  if (!rows.length) return null;
  const sum = (name) => rows.reduce((total, row) => total + table[name][row], 0);
  const parts = bridge.told.parts.map((name) => ({ name, value: sum(name) }));
  return { before: sum('final_before'), after: sum('final'), change: sum('change'), parts };
}

function bridgeOfGroup() {
  const { cells } = bridge.told;
  return bridgeOf(
    cells,
    (row) =>
      (bridge.week === WHOLE_BRIDGE || cells.week[row] === bridge.week) && matchesCell(cells.unit[row], cells.channel[row]),
  );
}

function bridgeOfOne() {
  const { combinations: table } = bridge.told;
  return bridgeOf(table, (row) => table.week[row] === bridge.week && indexOfChange(row) === state.selected);
}

/** The combination's number on the page; undefined of one that is gone from it. */
function indexOfChange(row) {
  const { unit, channel, SKU_ID: sku } = bridge.told.combinations;
  bridge.places ??= new Map(combinations.map((combination) => [nameOf(combination), combination.index]));
  return bridge.places.get(nameOf({ unit: unit[row], channel: channel[row], sku: sku[row] }));
}

function drawBridge() {
  if (!bridge.told) return null;
  const found = bridge.isOfOne ? bridgeOfOne() : bridgeOfGroup();
  const name = bridge.isOfOne
    ? state.selected === null
      ? UNDEFINED
      : fullName(combinations[state.selected])
    : groupName({ unit: state.unit || ALL, channel: state.channel || ALL });
  place('bridge-lead').textContent = bridgeLead(name, found);
  if (!found) return showEmpty(place('bridge'), isRevision() ? t('This run left it as it was.') : t('Nothing of it was forecast by both runs.'));
  const parts = partsShown(found.parts);
  const ends = isRevision() ? [t('Before'), t('After')] : [t('Last run'), t('This run')];
  const labels = [ends[0], ...parts.map(({ label }) => label), ends[1]];
  const values = [found.before, ...parts.map(({ value }) => value), found.after];
  const said = [quantity(found.before), ...parts.map(({ value }) => signedQuantity(value)), quantity(found.after)];
  drawTable('bridge-table', [t('Part'), t('Sales')], () => labels.map((label, row) => [label, said[row]]));
  place('bridge').style.height = `${40 + 30 * labels.length}px`;
  const look = (name) => ({ marker: { color: colour(name) } });
  const trace = {
    type: 'waterfall',
    orientation: 'h',
    y: labels,
    x: values,
    measure: ['absolute', ...parts.map(() => 'relative'), 'total'],
    text: said,
    textposition: 'outside',
    hoverinfo: 'none',
    cliponaxis: false,
    increasing: look('accent'),
    decreasing: look('promo-line'),
    totals: look('baseline'),
    connector: { line: { color: colour('line'), width: 1 } },
  };
  return plot('bridge', [trace], bridgeLayout(found, parts), `${place('bridge-lead').textContent} ${labels.map((label, row) => `${label}: ${said[row]}`).join('; ')}.`);
}

function isRevision() {
  return 'made_at' in bridge.told;
}

function revisionLead(name, found) {
  const places = { name, made: moment(bridge.told.made_at), replaced: moment(bridge.told.replaced_at) };
  return found?.parts.some(({ value }) => Math.abs(value) >= 0.005)
    ? t('{name}: what the forecast made at {made} changed of the one made at {replaced}: {change}.', { ...places, change: signedQuantity(found.change) })
    : t('{name}: the forecast made at {made} changed nothing of the one made at {replaced}.', places);
}

function bridgeLead(name, found) {
  if (isRevision()) return revisionLead(name, found);
  const { cutoff, previous, on_replaced: onReplaced } = bridge.told;
  const said = [
    t('{name}: from the forecast made at {previous} to that of {cutoff}, for the weeks that both forecast: {change}.', {
      name,
      previous: shortDay(previous),
      cutoff: shortDay(cutoff),
      change: found ? signedQuantity(found.change) : UNDEFINED,
    }),
  ];
  if (onReplaced && !bridge.isOfOne && !state.unit && !state.channel) {
    said.push(t('This week had been published before with other numbers; this run changed the total by {change}.', { change: signedQuantity(onReplaced) }));
  }
  return said.join(' ');
}

/** The parts in their order, those too small to see added up as one, so that the bridge still arrives. */
function partsShown(parts) {
  const largest = Math.max(...parts.map(({ value }) => Math.abs(value)), 0);
  const isLarge = ({ value }) => Math.abs(value) >= LEAST_PART * largest && value !== 0;
  const rest = parts.filter((part) => !isLarge(part)).reduce((sum, { value }) => sum + value, 0);
  const named = parts.filter(isLarge).map(({ name, value }) => ({ label: PART_NAMES[name]?.() ?? name, value }));
  return Math.abs(rest) >= 0.005 ? [...named, { label: t('Other'), value: rest }] : named;
}

/** The numbers' axis need not begin at 0: the parts are small beside the whole. */
function bridgeLayout({ before, after }, parts) {
  let level = before;
  const levels = [before, after, ...parts.map(({ value }) => (level += value))];
  const [least, most] = [Math.min(...levels), Math.max(...levels)];
  const room = (narrow() ? 0.6 : 0.35) * (most - least || Math.abs(most) || 1);
  const layout = commonLayout('', '');
  const { title: _, ...axis } = layout.yaxis;
  return {
    ...layout,
    margin: { l: 8, r: 16, t: 4, b: 28 },
    hovermode: false,
    showlegend: false,
    bargap: 0.35,
    xaxis: { ...axis, range: [Math.max(0, least - room), most + room], showgrid: true, nticks: narrow() ? 3 : 5, tickangle: 0, tickformat: ',' },
    yaxis: { ...axis, type: 'category', autorange: 'reversed', showgrid: false, tickmode: 'linear', tickformat: '', color: colour('ink') },
  };
}

// --- What moved most ------------------------------------------------------------------------------------------------

function movers() {
  const { combinations: table } = bridge.told;
  const wanted = new Set(state.matching.map(({ index }) => index));
  const rows = table.week.map((_, row) => row).filter((row) => table.week[row] === bridge.week);
  return rows
    .map((row) => ({ row, index: indexOfChange(row), change: table.change[row] }))
    .filter(({ index, change }) => wanted.has(index) && Math.abs(change) >= 0.005)
    .sort((a, b) => Math.abs(b.change) - Math.abs(a.change) || a.index - b.index);
}

function drawMovers() {
  const found = movers();
  place('movers').replaceChildren(...found.slice(0, bridge.rows).map(moverLine));
  place('no-movers').hidden = found.length > 0;
  place('no-movers').textContent = isRevision() ? t('This run changed nothing here.') : t('Nothing under this filter.');
  drawMore('more-movers', found.length - bridge.rows);
}

function moverLine({ row, index, change }) {
  const why = bridge.told.combinations.reasons[row].map(reasonSaid).join(', ');
  return element(
    'li',
    {},
    element('b', { class: 'moved' }, signedQuantity(change)),
    element('div', {}, combinationLink(index), element('span', { class: 'why' }, sentenceCase(why))),
  );
}

/** A reason in the reader's language: its text, and what stands in its places. */
function reasonSaid([number, values]) {
  const text = bridge.told.texts[number];
  const said = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, reasonPlace(name, value)]));
  const behind = 'effect' in said && !text.includes('{effect}') ? ` (${said.effect})` : '';
  return `${t(text, said)}${behind}`;
}

function reasonPlace(name, value) {
  if (name === 'effect') return signedQuantity(value);
  if (typeof value === 'number') return quantity(value);
  if (name.startsWith('method')) return METHODS[value] ?? value;
  return name.startsWith('day') ? shortDay(value) : value;
}

function showMoreMovers() {
  const first = bridge.rows;
  bridge.rows += MORE_ROWS;
  drawMovers();
  place('movers').children[first]?.querySelector('a')?.focus();
}
