// The page's data, unpacked: columns by table, and which rows belong to which combination.

const RULES = {
  wape: t('Large error'),
  bias: t('Leans to one side'),
  coverage: t('Intervals too narrow'),
  no_run: t('No forecast this week'),
  forecast_coverage: t('Too few combinations forecast'),
  promo_plan: t('Promotions plan'),
  sales_late: t('Sales are late'),
  sales_missing: t('Sales are missing'),
  failures: t('Too many failures'),
  model_age: t('Old models'),
};
const REASONS = {
  promotion_without_plan: t('Promotion without plan'),
  plan_without_uplift: t('Plan without uplift'),
  stockout: t('Out of stock'),
  level_shift: t('Level shift'),
  stale_model: t('Stale model'),
  data_gap: t('Gap in the data'),
  low_volume: t('Low volume'),
  new_sku: t('New SKU'),
  unexplained: t('Unexplained'),
};
const ALERT_STATES = { open: t('New'), still_open: t('Still open') };

let data = null;
let combinations = []; // {index, unit, channel, sku, abc, xyz, isDetailed, text}
let starts = {}; // by table: where each combination's rows start
let scoredWeeks = []; // numbers of weeks, in order
let scoredSteps = [];
let lastWeek = '';
let windowWeeks = 0;

/** The text of a script element that holds gzip in base64. */
async function unpacked(id) {
  const packed = Uint8Array.from(atob(place(id).textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const text = await new Response(stream).text();
  place(id).remove();
  return text;
}

async function openData() {
  data = JSON.parse(await unpacked('data'));
  const { totals, changes, promotions, backtests } = data;
  const inTables = [data, totals ?? {}, changes ?? {}, ...data.revisions, promotions ?? {}, backtests ?? {}];
  for (const table of inTables.flatMap(Object.values)) if (isTable(table)) decode(table);
  const { unit, channel, SKU_ID: sku, abc_class: abc, xyz_class: xyz, is_detailed: detailed } = data.combinations;
  combinations = unit.map((name, index) => ({
    index,
    unit: name,
    channel: channel[index],
    sku: sku[index],
    abc: abc[index],
    xyz: xyz[index],
    isDetailed: Boolean(detailed[index]),
    text: folded(sku[index]),
  }));
  for (const holiday of data.holidays) holiday.names = holiday.names.map((name) => t(name));
  for (const [name, table] of Object.entries(data)) if (table?.rows) starts[name] = startsOf(table.rows);
  scoredWeeks = [...new Set([...data.scored.ds, ...data.rest.ds])].sort((a, b) => a - b);
  scoredSteps = [...new Set([...data.scored.step, ...data.rest.step])].sort((a, b) => a - b);
  lastWeek = data.window ? data.window.end : scoredWeeks.length ? data.weeks[scoredWeeks.at(-1)] : data.cutoff;
  windowWeeks = data.window ? weeksBetween(data.window.start, data.window.end) + 1 : 0;
}

/** Whether the week of a forecast's row ended before this run's cutoff: the forecast may be of an earlier run. */
function isOver(row) {
  return data.weeks[data.forecasts.ds[row]] <= data.cutoff;
}

/** Whether it is the week after the last complete one. */
function isRunning(row) {
  return !isOver(row) && weeksBetween(data.cutoff, data.weeks[data.forecasts.ds[row]]) === 1;
}

function isTable(table) {
  return table !== null && typeof table === 'object' && !Array.isArray(table);
}

/** Columns of repeated texts come as the different ones and which of them. */
function decode(table) {
  for (const [name, column] of Object.entries(table)) {
    if (column?.of) table[name] = column.at.map((code) => column.of[code]);
  }
}

/** Letter case does not count, nor how an accent is written. */
function folded(text) {
  return text.normalize('NFC').toLocaleLowerCase();
}

/** Where each combination's rows start in a table's columns; one more entry for the end. */
function startsOf(counts) {
  const positions = [0];
  for (const count of counts) positions.push(positions.at(-1) + count);
  return positions;
}

function rowsOf(table, index) {
  const first = starts[table][index];
  return Array.from({ length: starts[table][index + 1] - first }, (_, offset) => first + offset);
}

function weeksAt(table, rows, name = 'ds') {
  return rows.map((row) => data.weeks[data[table][name][row]]);
}

function valuesAt(table, name, rows) {
  return rows.map((row) => data[table][name][row]);
}

/** The row of a table that has at most one a combination; -1 if it has none. */
function rowOf(table, index) {
  return rowsOf(table, index)[0] ?? -1;
}

/** The combination's alerts that are not over, acknowledged ones last. */
function alertsOf(index) {
  const alerts = rowsOf('alerts', index).map((row) => alertAt(data.alerts, row));
  return alerts.filter(isOpen).sort((a, b) => isAcknowledged(a) - isAcknowledged(b) || byRule(a, b));
}

function byRule(a, b) {
  const rules = Object.keys(RULES);
  return rules.indexOf(a.rule) - rules.indexOf(b.rule);
}

function alertAt(table, row) {
  return Object.fromEntries(Object.keys(table).map((name) => [name, table[name][row]]));
}

function isOpen(alert) {
  return alert.state !== 'resolved';
}

function isAcknowledged(alert) {
  return alert.acknowledged_until >= data.today;
}

function systemAlerts() {
  return data.system_alerts.rule.map((_, row) => alertAt(data.system_alerts, row)).filter(isOpen);
}

function messageOf({ message, message_json: kept }) {
  return saidAs(message, kept);
}

function evidenceOf({ evidence, evidence_json: kept }) {
  return saidAs(evidence, kept);
}

function ruleText({ rule }) {
  return RULES[rule] ?? rule;
}

/** All alerts of a combination have the same reason; null without any. */
function reasonText([alert]) {
  return alert ? (REASONS[alert.reason] ?? ruleText(alert)) : null;
}

function classText({ abc, xyz }) {
  return `${abc}${xyz}` || null;
}
