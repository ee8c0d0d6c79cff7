// The filter that drives everything, kept in the page's address so that a view can be sent as a link.

const PERIODS = [4, 8, 13, 26];
const ABC = ['A', 'B', 'C'];
const XYZ = ['X', 'Y', 'Z'];
const FIRST_ROWS = 10;
const MORE_ROWS = 25;
const FIRST_GROUPS = 8; // of units or channels
const FIRST_GROUPS_ON_A_PHONE = 4; // what needs a decision begins on its second screen
const MOST_DECISIONS = 6;

const state = {
  view: 'planner', // or 'model'
  unit: '',
  channel: '',
  sku: '',
  class: '', // one letter or two
  alerts: false,
  step: 0, // 0 = all steps pooled
  weeks: 0,
  baseline: BEST,
  measure: 'wape', // of the trend
  sort: { key: 'missed', down: true },
  rows: FIRST_ROWS,
  comingSort: { key: 'total', down: true },
  comingRows: FIRST_ROWS,
  span: 52,
  origin: '', // '' = the newest
  allOrigins: false,
  selected: null, // index of a combination
  isOnPaper: false, // while it is printed
  isPicked: false, // whether somebody has chosen it
  groupBy: 'unit', // or 'channel': rows of the totals
  groupRows: firstGroups(),
  groupWeeks: false, // on a phone: the single weeks of units or channels are unfolded
  decisionRows: MOST_DECISIONS,
  matching: [], // combinations under the filter
  sums: null, // of their errors
  ranked: [], // rows of the ranking, in its order
};

/** On a phone the controls are folded away until somebody asks for them: the figures come first. */
function foldFilters() {
  const isOpen = place('filters').classList.toggle('open');
  place('fold-filters').setAttribute('aria-expanded', String(isOpen));
}

function firstGroups() {
  return narrow() ? FIRST_GROUPS_ON_A_PHONE : FIRST_GROUPS;
}

function fillControls() {
  fillSelect('unit', new Set(combinations.map(({ unit }) => unit)));
  fillSelect('channel', new Set(combinations.map(({ channel }) => channel)));
  fillClasses();
  const periods = [...new Set([...PERIODS, windowWeeks, availableWeeks()])];
  const fitting = periods.filter((weeks) => weeks > 0 && weeks <= availableWeeks()).sort((a, b) => a - b);
  control('weeks').append(...fitting.map((weeks) => option(weeks === 1 ? t('Last week') : t('Last {n}', { n: whole(weeks) }), weeks)));
  control('weeks').disabled = fitting.length === 0;
  if (!fitting.length) control('weeks').append(option(t('None yet'), 0));
  control('step').append(option(t('All'), 0), ...scoredSteps.map((step) => option(whole(step), step)));
  control('baseline').append(option(t('Best simple forecast'), BEST));
  control('baseline').append(...Object.entries(BASELINES).map(([name, label]) => option(label, name)));
}

function fillSelect(name, values) {
  const sorted = [...values].sort((a, b) => a.localeCompare(b));
  control(name).append(...sorted.map((value) => option(value, value)));
}

function fillClasses() {
  const found = new Set(combinations.flatMap(({ abc, xyz }) => [abc, xyz, `${abc}${xyz}`]));
  const groups = [
    [t('By volume'), ABC],
    [t('By variability'), XYZ],
    [t('Both'), ABC.flatMap((abc) => XYZ.map((xyz) => `${abc}${xyz}`))],
  ];
  control('class').append(option(t('All classes'), ''));
  for (const [label, names] of groups) {
    const there = names.filter((name) => found.has(name));
    if (there.length)
      control('class').append(element('optgroup', { label }, ...there.map((name) => option(name, name))));
  }
  control('class').disabled = control('class').options.length === 1;
}

function availableWeeks() {
  return scoredWeeks.length ? weeksBetween(data.weeks[scoredWeeks[0]], lastWeek) + 1 : 0;
}

function defaultWeeks() {
  return Math.min(windowWeeks || availableWeeks(), availableWeeks());
}

function listenToFilter() {
  place('fold-filters').addEventListener('click', foldFilters);
  const form = place('filters');
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('input', applyFilter);
  place('clear').addEventListener('click', clearFilter);
}

function applyFilter() {
  readFilter();
  rememberInAddress();
  update();
}

function readFilter() {
  const form = new FormData(place('filters'));
  for (const name of ['unit', 'channel', 'class', 'baseline']) state[name] = form.get(name) ?? '';
  state.sku = form.get('sku').trim();
  state.alerts = form.has('alerts');
  state.step = Number(form.get('step'));
  state.weeks = Number(form.get('weeks'));
  state.rows = FIRST_ROWS;
  state.comingRows = FIRST_ROWS;
  state.groupRows = firstGroups();
  state.decisionRows = MOST_DECISIONS;
}

function clearFilter() {
  place('filters').reset();
  control('weeks').value = String(defaultWeeks());
  applyFilter();
  control('unit').focus();
}

function isFiltered() {
  const { unit, channel, sku, class: letters, alerts, step, weeks, baseline } = state;
  return (
    Boolean(unit || channel || sku || letters || alerts || step) || weeks !== defaultWeeks() || baseline !== BEST
  );
}

function rememberInAddress() {
  try {
    history.replaceState(null, '', `#${addressParts()}`);
  } catch {
    // A sandboxed frame has no address to write; the page works without.
  }
}

function addressParts() {
  const parts = new URLSearchParams();
  if (state.view !== VIEWS[0]) parts.set('view', state.view);
  for (const name of ['unit', 'channel', 'sku', 'class', 'step']) if (state[name]) parts.set(name, state[name]);
  if (state.alerts) parts.set('alerts', '1');
  if (state.baseline !== BEST) parts.set('baseline', state.baseline);
  if (state.weeks !== defaultWeeks()) parts.set('weeks', state.weeks);
  if (state.isPicked) parts.set('combination', nameOf(combinations[state.selected]));
  return parts;
}

/** The address of one combination on this page, to be sent as a link. */
function addressOf(index) {
  return `#${new URLSearchParams({ combination: nameOf(combinations[index]) })}`;
}

/** Its name as people and commands write it. */
function nameOf({ unit, channel, sku }) {
  return `${unit}/${channel}/${sku}`;
}

function restoreFromAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  setView(parts.get('view'));
  place('filters').reset();
  control('weeks').value = String(defaultWeeks());
  for (const name of ['unit', 'channel', 'class', 'weeks', 'step', 'baseline']) {
    const known = [...control(name).options].some((choice) => choice.value === parts.get(name));
    if (known) control(name).value = parts.get(name);
  }
  control('sku').value = parts.get('sku') ?? '';
  control('alerts').checked = parts.has('alerts');
  readFilter();
  const named = combinations.find((each) => nameOf(each) === parts.get('combination'));
  state.isPicked = Boolean(named?.isDetailed);
  if (state.isPicked) state.selected = named.index;
}

function matching() {
  const wanted = folded(state.sku);
  return combinations.filter(
    (combination) =>
      matchesGroup(combination) &&
      combination.text.includes(wanted) &&
      (!state.alerts || alertsOf(combination.index).length > 0),
  );
}

function matchesGroup({ unit, channel, abc, xyz }) {
  return (
    (!state.unit || unit === state.unit) &&
    (!state.channel || channel === state.channel) &&
    [...state.class].every((letter) => letter === abc || letter === xyz)
  );
}
