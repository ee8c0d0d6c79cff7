// Paper: charts as wide as the sheet, light whatever the theme is, and as many of the largest as fit the second page.

const PAPER_PX = 660; // an A4 sheet within its margins, a little less
const PAPER_CHART_PX = 180;
const PAPER_ROWS = 25;
let beforePaper = null; // what is put back once it is printed

function listenToPrinter() {
  addEventListener('beforeprint', toPaper);
  addEventListener('afterprint', fromPaper);
}

function toPaper() {
  const { theme } = document.documentElement.dataset;
  beforePaper = { theme, rows: state.comingRows, sort: state.comingSort };
  Object.assign(state, { isOnPaper: true, comingRows: PAPER_ROWS, comingSort: { key: 'total', down: true } });
  setTheme('light');
  drawForecast();
  drawCharts();
}

function fromPaper() {
  const { theme, rows, sort } = beforePaper;
  Object.assign(state, { isOnPaper: false, comingRows: rows, comingSort: sort });
  setTheme(theme);
  drawForecast();
  drawCharts();
}

/** On paper nobody can ask for more rows. */
function paperNote(n) {
  if (!state.isOnPaper || n <= PAPER_ROWS) return '';
  return t('The {n} largest of {combinations}.', { n: whole(PAPER_ROWS), combinations: counted(n, 'combination') });
}
