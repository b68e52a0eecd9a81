-- REAXML listing feeds.
select 1;
