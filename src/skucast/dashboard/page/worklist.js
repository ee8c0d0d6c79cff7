// What the reader says of the work list: a file for the inbox.

const WORK_COLUMNS = ['line_id', 'state', 'until', 'owner', 'comment', 'author'];
const A_DAY = 864e5; // milliseconds
const SNOOZES = { week: 7, month: 28 }; // days

const workSaid = new Map(); // by line_id: what was chosen

/** What may be said of a line; a line that rests may be put back. */
function workChoice(line) {
  const choices = isOnTheList(line)
    ? [['', t('Say …')], ['done', t('Done')], ['week', t('Snooze for a week')], ['month', t('Snooze for 4 weeks')]]
    : [['', t('Say …')], ['open', t('Put it back')]];
  const select = element('select', { class: 'say' }, ...choices.map(([value, label]) => option(label, value)));
  const name = line.combination >= 0 ? combinations[line.combination].sku : line.about;
  select.setAttribute('aria-label', t('What becomes of {name}', { name }));
  select.value = workSaid.get(line.line_id) ?? '';
  select.addEventListener('change', () => {
    if (select.value) workSaid.set(line.line_id, select.value);
    else workSaid.delete(line.line_id);
    drawWorkFile();
  });
  return select;
}

function drawWorkFile() {
  const form = place('work-file');
  form.hidden = !workSaid.size;
  if (form.hidden) return;
  if (!form.elements.author.value) form.elements.author.value = rememberedAuthor();
  place('work-count').textContent = tn('The file: {n} line', 'The file: {n} lines', workSaid.size);
}

function saveWork(event) {
  event.preventDefault();
  const { author, comment } = Object.fromEntries(new FormData(place('work-file')));
  rememberAuthor(author.trim());
  const lines = [...workSaid].map(([id, choice]) => [
    ...[id, choice in SNOOZES ? 'snoozed' : choice, choice in SNOOZES ? dayAfter(SNOOZES[choice]) : ''],
    ...['', comment.trim(), author.trim()],
  ]);
  saveFile(`worklist-${data.today}.csv`, 'text/csv;charset=utf-8', csvOf([WORK_COLUMNS, ...lines]));
  say(t('The file is saved.'));
}

/** The day so many days after the reader's today. */
function dayAfter(days) {
  return new Date(Date.now() + days * A_DAY).toISOString().slice(0, 10);
}
