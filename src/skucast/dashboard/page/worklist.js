// What the reader says of the work list: a file for the inbox.

const WORK_COLUMNS = ['line_id', 'state', 'until', 'owner', 'comment', 'author'];
const A_DAY = 864e5; // milliseconds
const SNOOZES = { week: 7, month: 28 }; // days

const workSaid = new Map(); // by line_id: what was chosen
const workOwners = new Map(); // by line_id: whose it is to be

/** What may be said of a line; a line that rests may be put back. */
function workChoice(line) {
  const choices = isOnTheList(line)
    ? [['', t('Say …')], ['done', t('Done')], ['week', t('Snooze for a week')], ['month', t('Snooze for 4 weeks')], ['owner', t('Name an owner')]]
    : [['', t('Say …')], ['open', t('Put it back')]];
  const select = element('select', { class: 'say' }, ...choices.map(([value, label]) => option(label, value)));
  const name = line.combination >= 0 ? combinations[line.combination].sku : line.about;
  select.setAttribute('aria-label', t('What becomes of {name}', { name }));
  select.value = workSaid.get(line.line_id) ?? '';
  select.addEventListener('change', () => {
    if (select.value) workSaid.set(line.line_id, select.value);
    else workSaid.delete(line.line_id);
    owner.hidden = select.value !== 'owner';
    if (!owner.hidden) owner.focus();
    drawWorkFile();
  });
  const owner = ownerInput(line, name);
  owner.hidden = select.value !== 'owner';
  return element('span', { class: 'saying' }, select, owner);
}

/** Where the owner of a line is named. */
function ownerInput({ line_id: id, owner: before }, name) {
  const input = element('input', { class: 'say', maxlength: '100', placeholder: t('Owner') });
  input.setAttribute('aria-label', t('Owner of {name}', { name }));
  input.value = workOwners.get(id) ?? before ?? '';
  input.addEventListener('input', () => {
    workOwners.set(id, input.value.trim());
    drawWorkFile();
  });
  return input;
}

/** What was said of lines; an owner that is not named yet is nothing. */
function workSayings() {
  return [...workSaid].filter(([id, choice]) => choice !== 'owner' || workOwners.get(id));
}

function drawWorkFile() {
  const form = place('work-file');
  const { length } = workSayings();
  form.hidden = !length;
  if (form.hidden) return;
  if (!form.elements.author.value) form.elements.author.value = rememberedAuthor();
  place('work-count').textContent = tn('The file: {n} line', 'The file: {n} lines', length);
}

function saveWork(event) {
  event.preventDefault();
  const { author, comment } = Object.fromEntries(new FormData(place('work-file')));
  rememberAuthor(author.trim());
  const lines = workSayings().map(([id, choice]) => [
    ...[id, choice in SNOOZES ? 'snoozed' : choice === 'owner' ? '' : choice, choice in SNOOZES ? dayAfter(SNOOZES[choice]) : ''],
    ...[choice === 'owner' ? workOwners.get(id) : '', comment.trim(), author.trim()],
  ]);
  saveFile(`worklist-${data.today}.csv`, 'text/csv;charset=utf-8', csvOf([WORK_COLUMNS, ...lines]));
  say(t('The file is saved.'));
}

/** The day so many days after the reader's today. */
function dayAfter(days) {
  return new Date(Date.now() + days * A_DAY).toISOString().slice(0, 10);
}
