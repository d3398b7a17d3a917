// The demo's SQL: the tables as a bank has them, the two views and the one call that make a live model of them, and queries worth
// typing. Shown to the person who runs the demo, as it is run.

export const TABLES = `create table payments (
  id bigint primary key,
  customer_id int not null,
  merchant_id int not null,
  category text not null,
  amount numeric(12,2),
  currency text,
  country text,
  channel text not null,
  created_at timestamptz not null
);
create table chargebacks (
  id bigint primary key,
  payment_id bigint not null,
  created_at timestamptz not null
);`;

export const FEATURES = `create view fraud_features as
  select id, created_at,
         coalesce(amount, 0)                                            as amount,
         coalesce(lower(trim(currency)), 'unknown')                     as currency,
         category, channel,
         extract(hour from created_at at time zone 'UTC')               as hour,
         country is null                                                as country_missing,
         count(*)    over last_hour                                     as payments_1h,
         sum(amount) over last_hour                                     as spent_1h,
         amount / nullif(avg(amount) over last_month, 0)                as amount_vs_usual,
         max(amount) over last_day                                      as largest_24h,
         extract(epoch from created_at - lag(created_at) over in_order) as seconds_since_last
  from payments
  window in_order   as (partition by customer_id order by created_at, id),
         last_hour  as (partition by customer_id order by created_at
                        range between '1 hour' preceding and current row),
         last_day   as (partition by customer_id order by created_at
                        range between '1 day' preceding and current row),
         last_month as (partition by customer_id order by created_at
                        range between '30 days' preceding and current row);`;

export const LABELS = `create view fraud_labels as
  select payment_id as id, true as label, created_at as label_at from chargebacks;`;

/** Until the first wait has passed only charged back payments have a label: the shorter, the sooner the model sees honest ones. */
export const PIPELINE = `select millrace.create_pipeline('fraud',
  features => 'fraud_features', key => 'id', event_time => 'created_at', clock => 'event_time',
  labels => 'fraud_labels', label_wait => '5 days', label_default => 'false',
  alert_when => 'score > 0.9');`;

export const QUERIES: readonly { readonly about: string; readonly sql: string }[] = [
  {
    about: 'the riskiest payments right now',
    sql: 'select id, score, label from fraud_scores order by score desc limit 10',
  },
  {
    about: 'how good the model is, beside a trivial one',
    sql: 'select period, metric, value, baseline from millrace.metrics order by 1, 2',
  },
  { about: 'what it was trained on', sql: 'select * from fraud_examples order by event_time desc limit 5' },
];
