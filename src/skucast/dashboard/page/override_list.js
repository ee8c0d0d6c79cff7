// The overrides that hold, and what they were worth.

function drawHeld() {
  const { held } = data.overrides;
  const rows = held.override_id.map((id, at) => {
    const word = {
      ...{ unit: held.unit[at], channel: held.channel[at], sku: held.SKU_ID[at] },
      ...{ first: held.ds_from[at], last: held.ds_to[at], kind: held.kind[at], value: held.value[at] },
    };
    const share = held.model[at] > 0 ? signedPercent(held.effect[at] / held.model[at]) : '';
    return [
      wordName(word),
      wordWeeks(word),
      wordText(word),
      element('span', {}, signedQuantity(held.effect[at]), share ? quiet(share) : ''),
      element('span', {}, reasonInWords(held.reason[at]), held.note[at] ? quiet(held.note[at]) : ''),
      held.author[at],
      held.expires_on[at] ? shortDay(held.expires_on[at]) : UNDEFINED,
      callOff(id, at, word),
    ];
  });
  const headings = [t('About'), t('Weeks'), t('Says'), t('Effect'), t('Reason'), t('Who'), t('Until'), ''];
  place('held-overrides').replaceChildren(
    element('h3', {}, t('What holds now')),
    rows.length ? smallTable(headings, rows) : element('p', { class: 'lead' }, t('Nothing: the model’s numbers count.')),
  );
  drawValue();
}

/** A button that puts the calling off of an override into the file, in the name of whoever writes it. */
function callOff(id, at, word) {
  const there = words.some((line) => line.off === id);
  if (word.last < runningWeek()) return quiet(t('over'));
  const button = element('button', { type: 'button', class: 'plain' }, there ? t('In the file') : t('Call off'));
  button.setAttribute('aria-disabled', String(there));
  button.addEventListener('click', () => {
    if (words.some((line) => line.off === id)) return;
    const { author, reason: chosen } = readWord();
    const given = data.overrides.held.reason[at];
    const isOfList = data.overrides.reasons.includes(given);
    const isFree = isOfList && !frozenProblem({ ...word, reason: given });
    const line = { ...word, reason: isFree ? given : chosen, author, note: '', expires: '', off: id };
    const problem = frozenProblem(line) || (author ? '' : t('Write who says so.'));
    if (problem) {
      place('word').elements[author ? 'reason' : 'author'].focus();
      place('word-effect').textContent = problem;
      say(problem);
      return;
    }
    words.push(line);
    drawWord();
    drawHeld();
  });
  return button;
}

function drawValue() {
  const { value } = data.overrides;
  const headings = [t('Corrections'), t('How many'), t('Error saved (90 %)'), t('Of the sales'), t('Verdict')];
  const verdicts = {
    better: t('nearer than the model'),
    worse: t('the model was nearer'),
    'no difference': t('no difference'),
    'too few': t('too few to tell'),
  };
  const lines = value.name.map((_, at) => [
    groupText(value.grouped_by[at], value.name[at]),
    whole(value.n_overrides[at]),
    element(
      'span',
      {},
      signedQuantity(value.value[at]),
      value.value_lower[at] === null ? '' : quiet(interval(value.value_lower[at], value.value_upper[at])),
    ),
    points(value.fva[at]),
    verdicts[value.verdict[at]],
  ]);
  place('override-value').replaceChildren(
    ...(lines.length ? [element('h3', {}, t('What they were worth')), smallTable(headings, lines)] : []),
    ...valueRemarks().map((remark) => element('p', { class: 'hint' }, remark)),
  );
}

/** Which overrides a row sums up. */
function groupText(by, name) {
  const texts = {
    all: () => t('All'),
    author: () => name,
    reason: () => t('Reason: {name}', { name: reasonInWords(name) }),
    direction: () => (name === 'up' ? t('Upwards') : t('Downwards')),
    size: () =>
      ({
        small: t('Up to a tenth of the model’s number'),
        medium: t('Up to a half of it'),
        large: t('By more'),
      })[name],
  };
  return texts[by]();
}

/** What is worth saying of them, politely. */
function valueRemarks() {
  const { grouped_by: by, name, verdict } = data.overrides.value;
  const where = (group, ...verdicts) =>
    name.filter((_, at) => by[at] === group && verdicts.includes(verdict[at]));
  const worse = where('author', 'worse');
  const isSmallUseless = where('size', 'no difference', 'worse').includes('small');
  return [
    worse.length
      ? t('The model alone was nearer than {names}: it may be worth a talk what they know that it does not.', {
          names: worse.join(', '),
        })
      : '',
    isSmallUseless ? t('Small corrections have shown no gain: they may be left to the model.') : '',
  ].filter(Boolean);
}
