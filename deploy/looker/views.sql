-- The views that Looker Studio reads (docs/looker.md). The project, the dataset, the names of the tables and the
-- baselines are filled in by `python -m skucast looker-views`. Running the statements again changes nothing.
--
-- What every view keeps:
--   * A row that may be added up is never beside one that sums it already: there are no rows of pooled steps or of
--     groups here. SUM over any rows that a filter leaves is right.
--   * Sums come with it, so that a report computes ratios as SUM / SUM. An average of ratios would count an article
--     that sells 2 pieces like one that sells 2,000.
--   * A number that is undefined is NULL; a text that is missing is '-', so that it can be picked in a filter.


-- One row per week and step: all combinations together.
CREATE OR REPLACE VIEW `${PROJECT}.${DATASET}.skucast_trend` (
    ds OPTIONS (description = 'week that was forecast and sold, by its last day'),
    step OPTIONS (description = 'weeks between the forecast and that week, 1 = next week'),
    n OPTIONS (description = 'forecasts matched with a known week'),
    n_left_out OPTIONS (description = 'forecasts that are not scored: out of stock, not delivered, failed, no longer sold'),
    n_unpublished OPTIONS (description = 'weeks that were sold, and that no forecast was published for'),
    sum_actual OPTIONS (description = 'sales'),
    sum_forecast OPTIONS (description = 'forecast sales'),
    sum_abs_actual OPTIONS (description = 'abs(sales): denominator of WAPE, bias and FVA'),
    sum_abs_error OPTIONS (description = 'abs(forecast - sales)'),
    sum_error OPTIONS (description = 'forecast - sales; positive = over-forecast'),
    sum_smape OPTIONS (description = 'sum of the terms of sMAPE'),
    n_covered OPTIONS (description = 'sales inside the 80 % interval'),
    sum_abs_error_last_week OPTIONS (description = 'abs error, had the last known week been the forecast'),
    sum_abs_error_mean_4 OPTIONS (description = 'abs error, had the mean of 4 weeks been the forecast'),
    sum_abs_error_last_year OPTIONS (description = 'abs error, had the week a year before been the forecast'),
    wape OPTIONS (description = 'WAPE of this week and step alone; for several rows take sums'),
    smape OPTIONS (description = 'sMAPE of this week and step alone, 0 to 2; for several rows take sums'),
    bias_ratio OPTIONS (description = 'bias of this week and step alone; for several rows take sums'),
    coverage OPTIONS (description = 'interval coverage of this week and step alone; for several rows take sums'),
    fva OPTIONS (description = 'WAPE of last year minus WAPE, of this week and step alone'),
    actuals_through OPTIONS (description = 'newest day of sales that was delivered when this was scored')
) OPTIONS (description = 'Accuracy per week and step, all combinations together; for Looker Studio') AS
SELECT
    window_end AS ds, step, n, n_left_out, n_unpublished,
    sum_actual, sum_forecast, sum_abs_actual, sum_abs_error, sum_error, sum_smape, n_covered,
    sum_abs_error_last_week, sum_abs_error_mean_4, sum_abs_error_last_year,
    wape, smape, bias_ratio, coverage, fva, actuals_through
FROM `${PROJECT}.${DATASET}.${METRICS_TABLE}`
WHERE `window` = 'week' AND level = 'total' AND step > 0;


-- One row per combination that was scored in the newest window.
CREATE OR REPLACE VIEW `${PROJECT}.${DATASET}.skucast_worst` (
    window_start OPTIONS (description = 'first week of the window, by its last day'),
    window_end OPTIONS (description = 'last week of the window'),
    unit OPTIONS (description = 'business unit'),
    channel OPTIONS (description = 'sales channel'),
    SKU_ID OPTIONS (description = 'article'),
    combination OPTIONS (description = 'unit/channel/SKU_ID as one text'),
    abc_class OPTIONS (description = 'A, B, C: makes 80, 15, 5 % of sales'),
    xyz_class OPTIONS (description = 'X, Y, Z: sales vary little, more, a lot'),
    volume OPTIONS (description = 'mean weekly sales of the last 52 weeks'),
    lost_volume OPTIONS (description = 'sales forecast wrongly in the window, mae x n_weeks: the order of the list'),
    lost_share OPTIONS (description = 'its share of what was forecast wrongly by all models'),
    n OPTIONS (description = 'forecasts matched with a known week, all steps'),
    n_weeks OPTIONS (description = 'different weeks among them'),
    sum_abs_actual OPTIONS (description = 'abs(sales), all steps: denominator of WAPE and bias'),
    sum_abs_error OPTIONS (description = 'abs(forecast - sales), all steps'),
    sum_error OPTIONS (description = 'forecast - sales, all steps; positive = over-forecast'),
    sum_smape OPTIONS (description = 'sum of the terms of sMAPE'),
    n_covered OPTIONS (description = 'sales inside the 80 % interval'),
    wape OPTIONS (description = 'WAPE of the model; for several models take sums'),
    smape OPTIONS (description = 'sMAPE of the model, 0 to 2; for several models take sums'),
    bias_ratio OPTIONS (description = 'bias of the model; for several models take sums'),
    coverage OPTIONS (description = 'interval coverage of the model, 0.8 expected; for several models take sums'),
    fva_best OPTIONS (description = 'WAPE of the best of three baselines minus WAPE; negative = a baseline is better'),
    rules OPTIONS (description = 'rules of the open alerts; - = no open alert'),
    reason OPTIONS (description = 'probable reason, of the alert that is open longest'),
    evidence OPTIONS (description = 'the numbers behind the reason'),
    opened OPTIONS (description = 'week that opened that alert'),
    n_open_weeks OPTIONS (description = 'weeks since then, the first included'),
    acknowledged_until OPTIONS (description = 'quiet up to and including this day'),
    command OPTIONS (description = 'what mends it; - = training does not')
) OPTIONS (description = 'Models of the newest window with what is wrong with them; for Looker Studio') AS
WITH newest AS (
    SELECT * FROM `${PROJECT}.${DATASET}.${METRICS_TABLE}`
    WHERE `window` = 'rolling' AND level = 'combination' AND step = 0
        AND window_end = (
            SELECT MAX(window_end) FROM `${PROJECT}.${DATASET}.${METRICS_TABLE}` WHERE `window` = 'rolling'
        )
), open_alerts AS (
    -- The newest week judged has a row for every alert that was open before, if only to say that it is over.
    SELECT * FROM `${PROJECT}.${DATASET}.${ALERTS_TABLE}`
    WHERE state != 'resolved' AND cutoff = (SELECT MAX(cutoff) FROM `${PROJECT}.${DATASET}.${ALERTS_TABLE}`)
), broken AS (
    SELECT unit, channel, SKU_ID, STRING_AGG(rule, ', ' ORDER BY rule) AS rules
    FROM open_alerts
    GROUP BY unit, channel, SKU_ID
), oldest AS (
    SELECT * FROM open_alerts
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY unit, channel, SKU_ID ORDER BY n_open_weeks DESC, alert_id) = 1
)
SELECT
    newest.window_start, newest.window_end,
    newest.unit, newest.channel, newest.SKU_ID,
    CONCAT(newest.unit, '/', newest.channel, '/', newest.SKU_ID) AS combination,
    COALESCE(newest.abc_class, '-') AS abc_class,
    COALESCE(newest.xyz_class, '-') AS xyz_class,
    newest.volume,
    newest.mae * newest.n_weeks AS lost_volume,
    SAFE_DIVIDE(newest.mae * newest.n_weeks, SUM(newest.mae * newest.n_weeks) OVER ()) AS lost_share,
    newest.n, newest.n_weeks,
    newest.sum_abs_actual, newest.sum_abs_error, newest.sum_error, newest.sum_smape, newest.n_covered,
    newest.wape, newest.smape, newest.bias_ratio, newest.coverage,
    LEAST(${BASELINE_WAPES}) - newest.wape AS fva_best,
    COALESCE(broken.rules, '-') AS rules,
    COALESCE(oldest.reason, '-') AS reason,
    COALESCE(oldest.evidence, '-') AS evidence,
    oldest.opened, oldest.n_open_weeks, oldest.acknowledged_until,
    COALESCE(oldest.command, '-') AS command
FROM newest
LEFT JOIN oldest
    ON oldest.unit = newest.unit AND oldest.channel = newest.channel AND oldest.SKU_ID = newest.SKU_ID
    AND oldest.cutoff >= newest.window_end  -- not what was judged before this window
LEFT JOIN broken
    ON broken.unit = oldest.unit AND broken.channel = oldest.channel AND broken.SKU_ID = oldest.SKU_ID
WHERE newest.n > 0;


-- One row per combination, week and step: the sums, for every filter.
CREATE OR REPLACE VIEW `${PROJECT}.${DATASET}.skucast_detail` (
    ds OPTIONS (description = 'week that was forecast and sold, by its last day'),
    step OPTIONS (description = 'weeks between the forecast and that week, 1 = next week'),
    unit OPTIONS (description = 'business unit'),
    channel OPTIONS (description = 'sales channel'),
    SKU_ID OPTIONS (description = 'article'),
    combination OPTIONS (description = 'unit/channel/SKU_ID as one text'),
    abc_class OPTIONS (description = 'A, B, C in the newest window: makes 80, 15, 5 % of sales; - = not in it'),
    xyz_class OPTIONS (description = 'X, Y, Z in the newest window: sales vary little, more, a lot; - = not known'),
    n OPTIONS (description = 'forecasts matched with a known week'),
    n_left_out OPTIONS (description = 'forecasts that are not scored: out of stock, not delivered, failed, no longer sold'),
    n_unpublished OPTIONS (description = 'weeks that were sold, and that no forecast was published for'),
    sum_actual OPTIONS (description = 'sales'),
    sum_forecast OPTIONS (description = 'forecast sales'),
    sum_abs_actual OPTIONS (description = 'abs(sales): denominator of WAPE, bias and FVA'),
    sum_abs_error OPTIONS (description = 'abs(forecast - sales)'),
    sum_error OPTIONS (description = 'forecast - sales; positive = over-forecast'),
    sum_smape OPTIONS (description = 'sum of the terms of sMAPE'),
    n_covered OPTIONS (description = 'sales inside the 80 % interval'),
    sum_abs_error_last_week OPTIONS (description = 'abs error, had the last known week been the forecast'),
    sum_abs_error_mean_4 OPTIONS (description = 'abs error, had the mean of 4 weeks been the forecast'),
    sum_abs_error_last_year OPTIONS (description = 'abs error, had the week a year before been the forecast')
) OPTIONS (description = 'Sums of accuracy per combination, week and step; for Looker Studio') AS
WITH newest AS (
    SELECT unit, channel, SKU_ID, abc_class, xyz_class FROM `${PROJECT}.${DATASET}.${METRICS_TABLE}`
    WHERE `window` = 'rolling' AND level = 'combination' AND step = 0
        AND window_end = (
            SELECT MAX(window_end) FROM `${PROJECT}.${DATASET}.${METRICS_TABLE}` WHERE `window` = 'rolling'
        )
)
SELECT
    metrics.window_end AS ds, metrics.step,
    metrics.unit, metrics.channel, metrics.SKU_ID,
    CONCAT(metrics.unit, '/', metrics.channel, '/', metrics.SKU_ID) AS combination,
    COALESCE(newest.abc_class, '-') AS abc_class,
    COALESCE(newest.xyz_class, '-') AS xyz_class,
    metrics.n, metrics.n_left_out, metrics.n_unpublished,
    metrics.sum_actual, metrics.sum_forecast, metrics.sum_abs_actual,
    metrics.sum_abs_error, metrics.sum_error, metrics.sum_smape, metrics.n_covered,
    metrics.sum_abs_error_last_week, metrics.sum_abs_error_mean_4, metrics.sum_abs_error_last_year
FROM `${PROJECT}.${DATASET}.${METRICS_TABLE}` AS metrics
LEFT JOIN newest
    ON newest.unit = metrics.unit AND newest.channel = metrics.channel AND newest.SKU_ID = metrics.SKU_ID
WHERE metrics.`window` = 'week' AND metrics.level = 'combination' AND metrics.step > 0;


-- One row per stored forecast of a week: what was forecast, what was sold, how far apart.
CREATE OR REPLACE VIEW `${PROJECT}.${DATASET}.skucast_series` (
    ds OPTIONS (description = 'week, by its last day'),
    step OPTIONS (description = 'weeks between the forecast and that week, 1 = next week'),
    cutoff OPTIONS (description = 'last complete week when the forecast was made'),
    is_latest OPTIONS (description = 'the newest forecast of this week; filter by true, or by one step, before adding up'),
    is_open_week OPTIONS (description = 'the week had begun when the forecast was made'),
    unit OPTIONS (description = 'business unit'),
    channel OPTIONS (description = 'sales channel'),
    SKU_ID OPTIONS (description = 'article'),
    combination OPTIONS (description = 'unit/channel/SKU_ID as one text'),
    abc_class OPTIONS (description = 'A, B, C in the newest window: makes 80, 15, 5 % of sales; - = not in it'),
    xyz_class OPTIONS (description = 'X, Y, Z in the newest window: sales vary little, more, a lot; - = not known'),
    actual OPTIONS (description = 'sales of the week, the same at every step; NULL = to come, or not scored'),
    yhat OPTIONS (description = 'forecast of the model'),
    yhat_lower OPTIONS (description = 'lower end of the 80 % interval'),
    yhat_upper OPTIONS (description = 'upper end of the 80 % interval'),
    level OPTIONS (description = 'part of the forecast: trend without season and the rest'),
    yearly OPTIONS (description = 'part of the forecast: time of the year'),
    holidays OPTIONS (description = 'part of the forecast: holidays in the week'),
    promo OPTIONS (description = 'part of the forecast: promotions'),
    weather OPTIONS (description = 'part of the forecast: weather'),
    carry_over OPTIONS (description = 'part of the forecast: sales of the week before'),
    method OPTIONS (description = 'what made the number'),
    status OPTIONS (description = 'why that method; ok = a forecast of its own model'),
    promo_source OPTIONS (description = 'what was known of promotions'),
    final OPTIONS (description = 'the number that counts: the forecast, or what a planner made of it'),
    override_id OPTIONS (description = 'override that made it; - = none'),
    override_effect OPTIONS (description = 'final - yhat; 0 = no override'),
    n OPTIONS (description = '1 = scored'),
    sum_abs_actual OPTIONS (description = 'abs(sales), where scored: denominator of WAPE and bias'),
    sum_abs_error OPTIONS (description = 'abs(forecast - sales), where scored'),
    sum_error OPTIONS (description = 'forecast - sales, where scored; positive = over-forecast'),
    sum_smape OPTIONS (description = 'term of sMAPE, where scored'),
    n_covered OPTIONS (description = '1 = sales inside the 80 % interval'),
    wape OPTIONS (description = 'abs(forecast - sales) / sales of this week and step alone; for several take sums'),
    regressors OPTIONS (description = 'part of the forecast: declared regressors, such as a price')
) OPTIONS (description = 'Forecasts, sales and their errors per combination, week and step; for Looker Studio') AS
WITH newest AS (
    SELECT unit, channel, SKU_ID, abc_class, xyz_class FROM `${PROJECT}.${DATASET}.${METRICS_TABLE}`
    WHERE `window` = 'rolling' AND level = 'combination' AND step = 0
        AND window_end = (
            SELECT MAX(window_end) FROM `${PROJECT}.${DATASET}.${METRICS_TABLE}` WHERE `window` = 'rolling'
        )
), scored AS (
    SELECT * FROM `${PROJECT}.${DATASET}.${METRICS_TABLE}`
    WHERE `window` = 'week' AND level = 'combination' AND step > 0
), actuals AS (
    -- The sales of a week are known once; a step whose own forecast was not scored shows them too.
    SELECT unit, channel, SKU_ID, window_end, MAX(SAFE_DIVIDE(sum_actual, n)) AS actual
    FROM scored
    GROUP BY unit, channel, SKU_ID, window_end
)
SELECT
    forecasts.ds, forecasts.step, forecasts.cutoff,
    forecasts.cutoff = MAX(forecasts.cutoff) OVER (
        PARTITION BY forecasts.unit, forecasts.channel, forecasts.SKU_ID, forecasts.ds
    ) AS is_latest,
    forecasts.is_open_week,
    forecasts.unit, forecasts.channel, forecasts.SKU_ID,
    CONCAT(forecasts.unit, '/', forecasts.channel, '/', forecasts.SKU_ID) AS combination,
    COALESCE(newest.abc_class, '-') AS abc_class,
    COALESCE(newest.xyz_class, '-') AS xyz_class,
    actuals.actual,
    forecasts.yhat, forecasts.yhat_lower, forecasts.yhat_upper,
    forecasts.level, forecasts.yearly, forecasts.holidays, forecasts.promo, forecasts.weather, forecasts.carry_over,
    forecasts.method, forecasts.status, forecasts.promo_source,
    COALESCE(forecasts.final, forecasts.yhat) AS final,
    COALESCE(forecasts.override_id, '-') AS override_id,
    COALESCE(forecasts.override_effect, 0) AS override_effect,
    COALESCE(scored.n, 0) AS n,
    COALESCE(scored.sum_abs_actual, 0) AS sum_abs_actual,
    COALESCE(scored.sum_abs_error, 0) AS sum_abs_error,
    COALESCE(scored.sum_error, 0) AS sum_error,
    COALESCE(scored.sum_smape, 0) AS sum_smape,
    COALESCE(scored.n_covered, 0) AS n_covered,
    scored.wape,
    COALESCE(forecasts.regressors, 0) AS regressors
FROM `${PROJECT}.${DATASET}.${FORECASTS_TABLE}` AS forecasts
LEFT JOIN scored
    ON scored.unit = forecasts.unit AND scored.channel = forecasts.channel AND scored.SKU_ID = forecasts.SKU_ID
    AND scored.window_end = forecasts.ds AND scored.step = forecasts.step
LEFT JOIN actuals
    ON actuals.unit = forecasts.unit AND actuals.channel = forecasts.channel AND actuals.SKU_ID = forecasts.SKU_ID
    AND actuals.window_end = forecasts.ds
LEFT JOIN newest
    ON newest.unit = forecasts.unit AND newest.channel = forecasts.channel AND newest.SKU_ID = forecasts.SKU_ID;
