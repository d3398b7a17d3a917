-- What alerts by their number a day stand on, stored with the partition's offset: no row counts twice.
alter table millrace._offsets add column alerting bytea;
alter table millrace._offsets alter column alerting set storage external;
