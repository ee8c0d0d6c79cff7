// The start: theme, data, controls, the first drawing; then the plotting library.

const THEMES = { '': t('Theme: system'), light: t('Theme: light'), dark: t('Theme: dark') };
const RESIZED_MS = 200;
let resized = 0; // the timer that draws once a change of width has come to rest

start();

async function start() {
  translatePage();
  restoreTheme();
  document.title = t('Sales forecast, week {day}', { day: document.querySelector('time.date').dateTime });
  document.querySelectorAll('time.date').forEach((time) => (time.textContent = day(time.dateTime)));
  try {
    await openData();
  } catch (error) {
    return refuse(error);
  }
  fillControls();
  linkWorkbook();
  fillSegments(
    'trend-of',
    'measure',
    Object.entries(MEASURES).map(([name, { label }]) => [name, label]),
    state.measure,
  );
  fillSegments('spans', 'span', SPANS, state.span);
  fillSegments('group-by', 'group-by', groupings(), state.groupBy);
  restoreFromAddress();
  listen();
  drawAges();
  drawHealth();
  drawRetraining();
  update();
  await loadPlotly();
  await drawCharts();
  if (state.isPicked) goTo('detail');
  document.documentElement.dataset.drawn = ''; // from here on the page stands still until somebody acts
}

function refuse(error) {
  place('unreadable').hidden = false;
  place('unreadable').textContent =
    t('This browser cannot unpack the page\u2019s figures ({error}); open it in a current one.', { error: error.message });
  place('matched').textContent = '';
}

function listen() {
  listenToFilter();
  listenToClock();
  listenToPrinter();
  place('trend-of').addEventListener('change', (event) => {
    state.measure = event.target.value;
    drawTrend();
  });
  place('spans').addEventListener('change', (event) => drawAgain({ span: Number(event.target.value) }));
  place('origin').addEventListener('change', (event) => drawAgain({ origin: event.target.value }));
  place('all-origins').addEventListener('change', (event) => drawAgain({ allOrigins: event.target.checked }));
  place('group-by').addEventListener('change', (event) => {
    state.groupBy = event.target.value;
    drawPlan();
  });
  place('more-groups').addEventListener('click', showMoreGroups);
  place('group-weeks').addEventListener('click', toggleGroupWeeks);
  place('more-decisions').addEventListener('click', showMoreDecisions);
  place('work-file').addEventListener('submit', saveWork);
  place('previous').addEventListener('click', () => moveSelection(-1));
  place('next').addEventListener('click', () => moveSelection(1));
  place('more').addEventListener('click', showMore);
  place('more-coming').addEventListener('click', showMoreComing);
  place('download').addEventListener('click', download);
  place('theme').addEventListener('click', nextTheme);
  document.querySelector('nav').addEventListener('click', follow);
  addEventListener('hashchange', restoreAndDraw);
  for (const id of ['ranking', 'coming-weeks']) place(id).tBodies[0].addEventListener('click', selectClicked);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawCharts);
  addEventListener('resize', () => {
    clearTimeout(resized);
    resized = setTimeout(drawCharts, RESIZED_MS);
  });
}

/** A link to another view or filter of the page that is open already. */
function restoreAndDraw() {
  if (location.hash && !location.hash.includes('=')) return; // a place of the page, such as what the skip link leads to
  restoreFromAddress();
  update();
  if (state.isPicked) goTo('detail');
}

function drawAgain(change) {
  Object.assign(state, change);
  drawSeries(state.selected);
}

/** Draw all that depends on the filter. */
function update() {
  state.matching = matching();
  state.sums = sumErrors(state.matching);
  state.ranked = rankRows();
  if (!state.ranked.some((row) => row.index === state.selected)) {
    state.selected = state.ranked[0]?.index ?? null;
    state.isPicked = false;
  }
  drawMatched();
  drawCards();
  drawBySteps();
  drawRanking();
  drawForecast();
  drawSections();
  drawCharts();
}

function drawCharts() {
  return Promise.all([drawTrend(), drawDetail(), ...sections.map(({ drawCharts: draw }) => draw?.())]);
}

// --- Theme ----------------------------------------------------------------------------------------------------------

function restoreTheme() {
  setTheme(storedTheme());
}

function nextTheme() {
  const names = Object.keys(THEMES);
  const theme = names[(names.indexOf(document.documentElement.dataset.theme ?? '') + 1) % names.length];
  setTheme(theme);
  try {
    localStorage.setItem('theme', theme);
  } catch {
    // Where nothing may be kept the choice holds until the page is closed.
  }
  drawCharts();
}

function storedTheme() {
  try {
    const theme = localStorage.getItem('theme') ?? '';
    return theme in THEMES ? theme : '';
  } catch {
    return '';
  }
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  place('theme').textContent = THEMES[theme];
}
