// One combination's model card.

const PROMOTIONS_KNOWN = {
  plan: t('with the promotions plan as it was known'),
  perfect_plan: t('with the promotions that came to pass'),
  expected: t('with the usual promotions, as there is no plan'),
};

const KINDS = {
  smooth: t('sells every week, evenly'),
  erratic: t('sells every week, unevenly'),
  intermittent: t('sells seldom, evenly'),
  lumpy: t('sells seldom, unevenly'),
  new: t('new: sold for a few weeks'),
  seasonal: t('sold in a season'),
  inactive: t('no longer sold'),
};

/** What kind of demand it is; nothing where that is not known. */
function kindFacts(index) {
  const kind = data.combinations.demand_class[index];
  return kind ? [[t('Demand'), KINDS[kind] ?? kind]] : [];
}

function factsList(facts) {
  const lines = facts.map(([label, value]) => element('div', {}, element('dt', {}, label), element('dd', {}, value)));
  return element('dl', { class: 'model' }, ...lines);
}

function drawCard(index) {
  const forecast = rowOf('forecasts', index);
  const version = forecast < 0 ? '' : data.forecasts.model_version[forecast];
  if (!version) {
    const status = forecast < 0 ? null : data.forecasts.status[forecast];
    const reason =
      status === null
        ? t('No forecast, and no model known.')
        : sentence(t('No model: {status}', { status: STATUSES[status] ?? status }));
    return place('card').replaceChildren(element('p', { class: 'empty' }, reason), factsList(kindFacts(index)));
  }
  const facts = [
    ...kindFacts(index),
    [t('Version'), version],
    [t('Trained through'), day(data.forecasts.model_cutoff[forecast])],
    ...modelFacts(rowOf('models', index)),
  ];
  return place('card').replaceChildren(factsList(facts));
}

function modelFacts(row) {
  const { models } = data;
  if (row < 0) return [[t('Training'), t('not in the registry')]];
  const known = data.has_promotions && PROMOTIONS_KNOWN[models.backtest_promotions[row]];
  return [
    [t('History'), models.n_weeks[row] === null ? UNDEFINED : counted(models.n_weeks[row], 'known week')],
    [t('Backtest WAPE'), element('span', {}, backtestText(row), ...(known ? [quiet(known)] : []))],
    [t('By weeks ahead'), byStepText(models.backtest_by_step[row])],
    [t('Settings'), settingsList(models.hyperparameters[row])],
    [t('Fit'), models.is_converged[row] === false ? t('stopped at the bound on its steps') : t('converged')],
    [t('Trained by'), models.run_id[row]],
  ];
}

function backtestText(row) {
  const { backtest_wape: wape, backtest_wape_last_year: base, backtest_origins: origins } = data.models;
  const of = { wape: percent(wape[row]), base: percent(base[row]) };
  if (origins[row] === null) return t('{wape} (same week last year {base})', of);
  return t('{wape} (same week last year {base}, {origins})', { ...of, origins: counted(origins[row], 'origin') });
}

function byStepText(json) {
  const steps = Object.entries(json ? JSON.parse(json) : {});
  return steps.map(([step, wape]) => `${step}: ${percent(wape)}`).join(', ') || UNDEFINED;
}

/** The settings that all averaged models share, then what each has of its own, best first. */
function settingsList(json) {
  const models = json ? [JSON.parse(json)].flat().map(plainSettings) : [];
  if (!models.length) return UNDEFINED;
  const isShared = ([name, value]) => models.every((settings) => settings.get(name) === value);
  const shared = [...models[0]].filter(isShared);
  const own = models.map((settings) => [...settings].filter((setting) => !isShared(setting)));
  if (models.length === 1) return settingsText(shared);
  const lines = own.map((settings) => element('li', {}, settingsText(settings)));
  const title = t('Mean of {n} models, best first, which differ in:', { n: whole(models.length) });
  return element('span', {}, title, element('ol', {}, ...lines), quiet(settingsText(shared)));
}

function plainSettings(settings) {
  return new Map(Object.entries(settings).filter(([, value]) => value !== null && typeof value !== 'object'));
}

function settingsText(settings) {
  const number = (value) => shown(value, { maximumSignificantDigits: 4 });
  const value = (of) => (typeof of === 'number' ? number(of) : of);
  return settings.map(([name, of]) => `${name.replaceAll('_', ' ')} ${value(of)}`).join(', ') || UNDEFINED;
}
