// The page's two views, the planner's and the model operator's, and the sections that files of their own draw.

const VIEWS = ['planner', 'model'];
const sections = []; // {draw, drawCharts}, of the files that add some

/**
 * Add a section of the template, which a file of its own fills. `draw()` is called with every change of the filter, and
 * takes `hidden` off the section once it has something to show; `drawCharts()`, if there is one, is called after it,
 * and when theme, width or view change.
 */
function addSection(section) {
  sections.push(section);
}

function drawSections() {
  for (const { draw } of sections) draw?.();
  drawLinks();
}

/** The links to what this view shows. */
function drawLinks() {
  const shownHere = [...document.querySelectorAll('[data-nav]')].filter(
    (section) => !section.hidden && isInView(section),
  );
  const links = shownHere.map((section) => element('a', { href: `#${section.id}` }, section.dataset.nav));
  place('sections').replaceChildren(...links);
}

function isInView(part) {
  return !part.dataset.only || part.dataset.only === state.view;
}

function setView(view) {
  state.view = VIEWS.includes(view) ? view : VIEWS[0];
  document.documentElement.dataset.view = state.view;
  for (const link of place('views').children) {
    if (link.dataset.to === state.view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  drawLinks();
}

/** To a view or a section, without a step in the address, which holds view and filter. */
function follow(event) {
  const link = event.target.closest('a');
  if (!link) return;
  event.preventDefault();
  if (link.dataset.to) return changeView(link.dataset.to);
  goTo(link.getAttribute('href').slice(1));
}

function changeView(view) {
  setView(view);
  rememberInAddress();
  drawCharts();
  scrollTo(0, 0);
}

function goTo(id) {
  const target = place(id);
  if (target.matches('details')) target.open = true;
  target.scrollIntoView({ behavior: calm() ? 'auto' : 'smooth', block: 'start' });
  (target.matches('details') ? target.firstElementChild : target).focus({ preventScroll: true });
}
